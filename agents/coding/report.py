"""What a model is told about a result.

What the executor says comes first, and what the program printed last, in a fence that it cannot
end: so a program can print whatever it likes without its words passing for the executor's.
"""

import re

from ...executors.fences import fenced as in_fence
from ...sandbox.intake.names import shown_name
from ...sandbox.result import Artifact, CodeResult
from ..messages import CodeExecutionEvent
from ..models.text import on_one_line
from .approval import fenced

_PLAIN_NAME = re.compile(r"[\w./+@=-]+")


def told(event: CodeExecutionEvent) -> str:
    """The report, after the code that ran if it is not what was written."""
    lines: list[str] = []
    if event.code_blocks is not None:
        lines.append(
            "The code was changed before it ran. This is what ran:\n" + fenced(event.code_blocks)
        )
    if event.refusal is None:
        return "\n".join([*lines, report(event.result)])
    words = not_approved(event.refusal)
    output = event.result.output.removesuffix(words)
    lines += [words, *_findings(event.result)]
    return _with_output(lines, "Before that it printed:", output)


def report(result: CodeResult) -> str:
    """What the executor has to say; then the output."""
    return _with_output(remarks(result), "Its output was:", result.output)


def remarks(result: CodeResult) -> list[str]:
    """How it went, the files there are now, what was refused: a line each."""
    return [_verdict(result), *_findings(result)]


def _findings(result: CodeResult) -> list[str]:
    lines: list[str] = []
    if result.artifacts:
        files = ", ".join(_file(artifact) for artifact in result.artifacts)
        lines.append(f"Files created or changed: {files}")
    # So that a model learns "there is no network here" instead of trying again.
    if result.isolation and (result.exit_code or result.denials):
        lines.append(f"The sandbox says: {result.receipt()}.")
    return lines


def not_approved(reason: str) -> str:
    """How a refusal is put into words."""
    return f"Code execution was not approved. Reason: {on_one_line(reason)}"


def _with_output(lines: list[str], heading: str, output: str) -> str:
    if output.strip():
        lines = [*lines, heading, in_fence(output, "text")]
    return "\n".join(lines)


def _verdict(result: CodeResult) -> str:
    if result.exit_code != 0:
        verdict = f"The script ran, then exited with an error (exit code: {result.exit_code})"
        return f"{verdict}{_cause(result)}."
    if not result.output.strip():
        return (
            "The script ran but produced no output to console. The exit code was: 0. "
            "If you were expecting output, consider revising the script to ensure content is "
            "printed to stdout."
        )
    return "The script ran (exit code: 0)."


def _cause(result: CodeResult) -> str:
    if result.cancelled:
        return ": it was cancelled"
    if result.timed_out:
        return ": it ran into its time limit"
    if result.limit_hit:
        return f": it hit the limit {result.limit_hit!r}"
    return ""


def _file(artifact: Artifact) -> str:
    return f"{_name(artifact.path)} ({shown_name(artifact.mime_type)}, {artifact.size:,} bytes)"


def _name(path: str) -> str:
    """In quotes, if it could be read as more than a name."""
    name = shown_name(path)
    return name if _PLAIN_NAME.fullmatch(name) else '"' + name.replace('"', r"\"") + '"'

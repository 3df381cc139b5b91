"""What a model is told about a result."""

from ...sandbox.result import Artifact, CodeResult
from ..messages import CodeExecutionEvent
from .approval import fenced


def told(event: CodeExecutionEvent) -> str:
    """The report, after the code that ran if it is not what was written."""
    if event.code_blocks is None:
        return report(event.result)
    return (
        "The code was changed before it ran. This is what ran:\n"
        f"{fenced(event.code_blocks)}\n\n{report(event.result)}"
    )


def report(result: CodeResult) -> str:
    """The output, what went wrong, the files there are now, and what was refused."""
    parts = [_output(result)]
    if result.artifacts:
        files = ", ".join(_file(artifact) for artifact in result.artifacts)
        parts.append(f"Files created or changed: {files}")
    # So that a model learns "there is no network here" instead of trying again.
    if result.isolation and (result.exit_code or result.denials):
        parts.append(f"The sandbox says: {result.receipt()}.")
    return "\n".join(parts)


def _output(result: CodeResult) -> str:
    if result.exit_code != 0:
        verdict = f"The script ran, then exited with an error (exit code: {result.exit_code})"
        return f"{verdict}{_cause(result)}.\nIts output was:\n{result.output}"
    if not result.output.strip():
        return (
            "The script ran but produced no output to console. The exit code was: 0. "
            "If you were expecting output, consider revising the script to ensure content is "
            "printed to stdout."
        )
    return result.output


def _cause(result: CodeResult) -> str:
    if result.cancelled:
        return ": it was cancelled"
    if result.timed_out:
        return ": it ran into its time limit"
    if result.limit_hit:
        return f": it hit the limit {result.limit_hit!r}"
    return ""


def _file(artifact: Artifact) -> str:
    return f"{artifact.path} ({artifact.mime_type}, {artifact.size:,} bytes)"

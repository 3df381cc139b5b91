"""A run as Markdown."""

from collections.abc import Sequence

from ..agents.recording import Ran, Said, Step
from ..executors.fences import fenced
from ..sandbox.result import CodeResult


def transcript(title: str, steps: Sequence[Step]) -> str:
    """All that was said and run."""
    parts = [f"# {title}"]
    for step in steps:
        if isinstance(step, Said):
            parts.append(f"## {step.speaker}\n\n{step.text.strip()}")
        else:
            parts.append(_ran(step))
    return "\n\n".join(parts) + "\n"


def _ran(step: Ran) -> str:
    result = step.result
    parts = [f"## ran: {_verdict(result)}, {result.duration:.2f} s"]
    if result.output:
        parts.append(fenced(result.output.rstrip(), "text"))
    if result.artifacts:
        names = ", ".join(f"`{artifact.path}`" for artifact in result.artifacts)
        parts.append(f"Files: {names}")
    parts += [f"![]({_url(name)})" for name in step.pictures]
    return "\n\n".join(parts)


def _verdict(result: CodeResult) -> str:
    if result.timed_out:
        return "stopped at the time limit"
    return "stopped" if result.cancelled else f"exit code {result.exit_code}"


def _url(name: str) -> str:
    from urllib.parse import quote

    return quote(name)

"""A run as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..executors.block import CodeBlock
from ..sandbox.result import CodeResult


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody said something."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Ran:
    """Code ran. It stands in what was said before."""

    blocks: list[CodeBlock]
    result: CodeResult
    pictures: dict[str, bytes]


Step = Said | Ran


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
        parts.append(_fenced(result.output))
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


def _fenced(text: str) -> str:
    """In a fence that is longer than any the program printed."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text.rstrip()}\n{fence}"

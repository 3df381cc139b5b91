"""A run as Markdown."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from ..agents.recording import Ran, Said, Step
from ..executors.fences import code_span, fenced
from ..sandbox.intake.names import shown_name
from ..sandbox.result import CodeResult

_NAMED = 50
"""Files of one step that are named."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]"
)
"""What a terminal, an editor or a pager would obey: `cat` is how many read a transcript."""
_HTML = re.compile("<[A-Za-z/!?]")
"""How a tag, a comment or the like begins (CommonMark 0.31, sections 4.6 and 6.6)."""


def transcript(
    title: str,
    steps: Sequence[Step],
    kept: Mapping[str, str] | None = None,
    account: Sequence[str] = (),
) -> str:
    """All that was said and run.

    Parameters
    ----------
    kept:
        Where the files of the code are, beside the transcript, by the names that it gave them.
    account:
        What else is to be said of them.
    """
    parts = [f"# {readable(title)}"]
    for step in steps:
        if isinstance(step, Said):
            parts.append(f"## {shown_name(step.speaker)}\n\n{_quoted(readable(step.text).strip())}")
        else:
            parts.append(_ran(step, kept or {}))
    if account:
        parts.append("\n".join(["## files\n", *(f"- {code_span(line)}" for line in account)]))
    return "\n\n".join(parts) + "\n"


def readable(text: str) -> str:
    """Text in which no control character is left but newlines and tabs; they can be seen."""
    return _UNSEEN.sub(_symbol, text.replace("\r\n", "\n"))


def _symbol(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else f"\\u{code:04x}"


def _quoted(text: str) -> str:
    """What somebody said, as a quotation: no line of it can pass for one of ours or of another.

    Markdown in it ends with it. HTML need not, so what has any is quoted as code.
    """
    if _HTML.search(text):
        text = fenced(text, "markdown")
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def _ran(step: Ran, kept: Mapping[str, str]) -> str:
    result = step.result
    parts = [f"## ran: {_verdict(result)}, {result.duration:.2f} s"]
    if result.output:
        parts.append(fenced(readable(result.output).rstrip(), "text"))
    if result.artifacts:
        names = [code_span(shown_name(file.path)) for file in result.artifacts[:_NAMED]]
        more = len(result.artifacts) - len(names)
        parts.append(f"Files: {', '.join(names)}" + (f" and {more:,} more" if more else ""))
    parts += [f"![]({quote(kept[name])})" for name in step.pictures if name in kept]
    return "\n\n".join(parts)


def _verdict(result: CodeResult) -> str:
    if result.timed_out:
        return "stopped at the time limit"
    return "stopped" if result.cancelled else f"exit code {result.exit_code}"

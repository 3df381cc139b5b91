"""Writing to the standard streams, also what hostile code printed."""

import os
import re
import sys
from typing import Literal, TextIO

EXIT_BROKEN_PIPE = 141
"""128 + SIGPIPE, as shells have it."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def one_line(message: str) -> str:
    """The message without line breaks and control characters, which it may have from anywhere."""
    # A path may hold bytes that are no UTF-8, which could not be printed.
    return visible(" ".join(message.split())).encode("utf-8", "replace").decode()


def visible(text: str) -> str:
    """Text that cannot drive a terminal: control characters but tab, CR, LF as symbols."""
    return _CONTROLS.sub(_symbol, text)


def _symbol(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "\N{REPLACEMENT CHARACTER}"


def note(message: str) -> None:
    """Say something about a run, beside its own output."""
    print(f"sandcrew: {one_line(message)}", file=sys.stderr)


def write_output(text: str, stream: Literal["stdout", "stderr"]) -> None:
    """Pass on what a program printed, at once and unchanged, unless a terminal would obey it.

    Raises
    ------
    SystemExit
        Nobody reads the stream any more.
    """
    target = sys.stdout if stream == "stdout" else sys.stderr
    if target.isatty():
        text = visible(text)
    try:
        # As bytes: the encoding of the terminal is no reason to fail, nor to change a line end.
        target.buffer.write(text.encode("utf-8", "replace"))
        target.flush()
    except BrokenPipeError:
        _silence(target)
        raise SystemExit(EXIT_BROKEN_PIPE) from None


def _silence(stream: TextIO) -> None:
    """Let the flush at exit succeed."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)

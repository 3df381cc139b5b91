"""Writing to the standard streams, also what hostile code printed."""

import os
import re
import sys
from typing import Literal, TextIO

from ..sandbox.intake.code_text import shown_prose
from ..sandbox.intake.terminal import Cleaner

EXIT_BROKEN_PIPE = 141
"""128 + SIGPIPE, as shells have it."""

StreamName = Literal["stdout", "stderr"]

_LONE_RETURN = re.compile(r"\r(?!\n)")
_MARKED = "\x1b[7msandcrew:\x1b[0m"


def one_line(message: str) -> str:
    """The message without line breaks and control characters, which it may have from anywhere."""
    return shown_prose(" ".join(message.split()))


def note(message: str) -> None:
    """Say something about a run, beside its own output.

    On a terminal it begins with what no program can print, since its control sequences are removed.
    """
    mark = _MARKED if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else "sandcrew:"
    print(f"{mark} {one_line(message)}", file=sys.stderr)


def write_output(text: str, stream: StreamName) -> None:
    """Pass on text at once and unchanged.

    Raises
    ------
    SystemExit
        Nobody reads the stream any more.
    """
    target = _target(stream)
    try:
        # As bytes: the encoding of the terminal is no reason to fail, nor to change a line end.
        target.buffer.write(text.encode("utf-8", "replace"))
        target.flush()
    except BrokenPipeError:
        _silence(target)
        raise SystemExit(EXIT_BROKEN_PIPE) from None


class ProgramOutput:
    """Passes on what a program prints, without what a terminal would obey, or ``raw``.

    A carriage return that ends no line goes to the beginning of its line on a terminal, as progress
    bars mean it. Elsewhere it begins a new line, so that nothing is written over later.
    """

    def __init__(self, *, raw: bool = False) -> None:
        self._cleaners: dict[StreamName, Cleaner] = {}
        if not raw:
            self._cleaners = {"stdout": Cleaner(), "stderr": Cleaner()}
        self._returned = {"stdout": "", "stderr": ""}
        self._unended: set[StreamName] = set()

    def write(self, text: str, stream: StreamName) -> None:
        """Take a piece, cut anywhere."""
        if cleaner := self._cleaners.get(stream):
            text = self._returns(cleaner.feed(text), stream)
        self._pass_on(text, stream)

    def finish(self) -> None:
        """Write what is left; what is said next on a terminal begins a line of its own."""
        for stream, cleaner in self._cleaners.items():
            self._pass_on(self._returns(cleaner.finish(), stream, ended=True), stream)
        beside: tuple[StreamName, ...] = ("stdout", "stderr")
        if sys.stderr.isatty() and any(
            name in self._unended and _target(name).isatty() for name in beside
        ):
            write_output("\n", "stderr")
        self._unended.clear()

    def _returns(self, text: str, stream: StreamName, *, ended: bool = False) -> str:
        if _target(stream).isatty():
            return text
        text = self._returned[stream] + text
        self._returned[stream] = "\r" if text.endswith("\r") and not ended else ""
        return _LONE_RETURN.sub("\n", text[: len(text) - len(self._returned[stream])])

    def _pass_on(self, text: str, stream: StreamName) -> None:
        if text:
            write_output(text, stream)
            if text.endswith("\n"):
                self._unended.discard(stream)
            else:
                self._unended.add(stream)


def _target(stream: StreamName) -> TextIO:
    return sys.stdout if stream == "stdout" else sys.stderr


def _silence(stream: TextIO) -> None:
    """Let the flush at exit succeed."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)

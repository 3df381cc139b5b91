"""Writes what a program prints, as it prints it."""

import re
from typing import Literal

from rich.console import Console
from rich.text import Text

from ...sandbox.intake.terminal import Cleaner
from .style import Signs

_PARTS = re.compile(r"[^\n\r]+|\r\n|\n|\r")
_STYLES = {"stdout": "", "stderr": "yellow"}

StreamName = Literal["stdout", "stderr"]


class OutputWriter:
    """Prints the output of one execution with a bar in front.

    On a terminal at once, with carriage returns as progress bars mean them; elsewhere line by
    line.
    """

    def __init__(self, console: Console, signs: Signs) -> None:
        self._console = console
        self._bar = Text().append(f"  {signs.output} ", style="dim")
        self._cleaners: dict[StreamName, Cleaner] = {
            "stdout": Cleaner(),
            "stderr": Cleaner(),
        }
        self._line: list[tuple[str, StreamName]] = []
        self._returned = False
        self._ended_early: set[StreamName] = set()

    @property
    def at_line_start(self) -> bool:
        """False while a line on the terminal has begun and not ended."""
        return not self._line

    def feed(self, piece: str, stream: StreamName) -> None:
        self._feed(self._cleaners[stream].feed(piece), stream)

    def _feed(self, text: str, stream: StreamName) -> None:
        for part in _PARTS.findall(text):
            if part in ("\n", "\r\n"):
                self._newline(stream)
            elif part == "\r":
                self._returned = True
            else:
                self._append(part, stream)

    def finish(self) -> None:
        """Print what is left, and end the line that has not ended."""
        for stream, cleaner in self._cleaners.items():
            self._feed(cleaner.finish(), stream)
        if self._line:
            self._end_line()

    def _newline(self, stream: StreamName) -> None:
        if stream in self._ended_early:
            self._ended_early.discard(stream)
        else:
            self._end_line()

    def _append(self, text: str, stream: StreamName) -> None:
        if self._line and self._line[-1][1] != stream:
            # Unbuffered programs print a line and its end apart; the other stream may be between.
            self._ended_early.add(self._line[-1][1])
            self._end_line()
        self._ended_early.discard(stream)
        if self._returned:
            self._returned = False
            if self._console.is_terminal and self._line:
                self._console.file.write("\r\x1b[2K")
            self._line.clear()
        if self._console.is_terminal:
            if not self._line:
                self._console.print(self._bar, end="")
            self._console.print(Text(text, style=_STYLES[stream]), end="", soft_wrap=True)
        self._line.append((text, stream))

    def _end_line(self) -> None:
        if self._console.is_terminal:
            self._console.print(Text() if self._line else self._bar)
        else:
            line = self._bar.copy()
            for text, stream in self._line:
                line.append(text, style=_STYLES[stream])
            self._console.print(line, soft_wrap=True)
        self._line.clear()
        self._returned = False

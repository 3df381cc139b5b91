"""Writes Markdown as it arrives: prose line by line, code highlighted."""

import re

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

from .sanitize import Sanitizer
from .style import CODE_BACKGROUND, CODE_THEME, Signs

_FENCE = re.compile(r"(?P<indent>\s*)(?P<fence>`{3,}|~{3,})\s*(?P<info>[^`]*)$")
_INLINE = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*|(?<!\w)\*(?P<italic>[^*\s][^*]*)\*"
)
_INLINE_STYLES = {"code": "cyan", "bold": "bold", "italic": "italic"}
_BULLET = re.compile(r"^(?P<indent>\s*)[-*+] ")
_OPEN, _CLOSE = "<think>", "</think>"
_MAX_LINES_IN_CONTEXT = 300


class MarkdownWriter:
    """Prints a message that comes in pieces.

    On a terminal a line is shown in colour when it is complete; elsewhere the text is printed as
    it is, for Markdown is readable.
    """

    def __init__(self, console: Console, signs: Signs) -> None:
        self._console = console
        self._signs = signs
        self._sanitizer = Sanitizer()
        self._line = ""
        self._fence = ""
        self._code: list[str] = []
        self._lexer = ""
        self._thinking = False

    def feed(self, piece: str) -> None:
        *lines, self._line = (self._line + self._sanitizer.feed(piece)).split("\n")
        for line in lines:
            self._write(line.rstrip("\r"))

    def finish(self) -> None:
        """Print what is left."""
        if self._line:
            self._write(self._line)
            self._line = ""

    def _write(self, line: str) -> None:
        for tag, thinking in ((_OPEN, True), (_CLOSE, False)):
            if not self._fence and self._thinking is not thinking and tag in line:
                before, _, line = line.partition(tag)
                if before.strip():
                    self._show(before)
                self._thinking = thinking
                if not line.strip():
                    return
        self._show(line)

    def _show(self, line: str) -> None:
        if self._thinking:
            self._console.print(Text(line, style="dim italic"))
        elif not self._console.is_terminal:
            self._console.print(Text(line), soft_wrap=True)
        elif self._fence:
            self._show_in_code(line)
        elif opening := _FENCE.match(line):
            self._fence, self._code = opening["fence"], []
            self._lexer = (opening["info"].split() or ["text"])[0].lower()
            self._block(Text(self._lexer, style="dim italic"))
        else:
            self._console.print(prose(line, self._signs))

    def _show_in_code(self, line: str) -> None:
        stripped = line.strip()
        if stripped.startswith(self._fence) and not stripped.strip(self._fence[0]):
            self._fence = ""
            return
        # Highlighted together with the lines before: a string may have begun there.
        self._code = [*self._code, line][-_MAX_LINES_IN_CONTEXT:]
        self._block(
            highlight("\n".join(self._code), self._lexer).split("\n", allow_blank=True)[
                len(self._code) - 1
            ]
        )

    def _block(self, text: Text) -> None:
        self._console.print(Padding(text, (0, 1), style=f"on {CODE_BACKGROUND}"))


def highlight(code: str, language: str) -> Text:
    """Code in colours; as it is where the language has none."""
    syntax = Syntax("", language, theme=CODE_THEME, background_color=CODE_BACKGROUND)
    text = syntax.highlight(code)
    text.expand_tabs(4)
    return text


def prose(line: str, signs: Signs) -> Text:
    """One line of Markdown, for a terminal."""
    heading = line.lstrip("#")
    if heading != line and heading.startswith(" "):
        return Text(heading.strip(), style="bold underline")
    line = _BULLET.sub(rf"\g<indent>{signs.bullet} ", line, count=1)
    text, end = Text(), 0
    for match in _INLINE.finditer(line):
        kind = match.lastgroup or ""
        text.append(line[end : match.start()])
        text.append(match[kind], style=_INLINE_STYLES[kind])
        end = match.end()
    return text.append(line[end:])

"""Writes Markdown as it arrives: prose line by line, code highlighted."""

import re

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

from ...sandbox.intake.code_text import shown_code, shown_prose
from .style import CODE_BACKGROUND, CODE_THEME, Signs

_INLINE = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*|(?<!\w)\*(?P<italic>[^*\s][^*]*)\*"
)
_INLINE_STYLES = {"code": "cyan", "bold": "bold", "italic": "italic"}
_BULLET = re.compile(r"^(?P<indent>\s*)[-*+] ")
_OPEN, _CLOSE = "<think>", "</think>"
_HIGHLIGHTED = frozenset({
    "bash", "c", "cpp", "css", "go", "html", "java", "javascript", "js", "json", "py", "python",
    "python3", "r", "rust", "sh", "shell", "sql", "toml", "ts", "typescript", "xml", "yaml",
})  # fmt: skip
"""Languages whose lexers are used: a model may name any, and some take very long."""
_MAX_LINES_IN_CONTEXT = 50
_MAX_HIGHLIGHTED = 500_000
"""Characters of one message that are highlighted, those of contexts each time."""
_MAX_CONTEXT = 20_000
"""Characters that are highlighted together; a longer line is shown without colours."""


class MarkdownWriter:
    """Prints a message that comes in pieces.

    On a terminal a line is shown in colour when it is complete; elsewhere the text is printed as
    it is, for Markdown is readable. Nothing is left out: what a terminal would obey, and what would
    not show, is written as the number of the character.
    """

    def __init__(self, console: Console, signs: Signs) -> None:
        self._console = console
        self._signs = signs
        self._line: list[str] = []
        self._returned = ""
        self._fence = ""
        self._code: list[str] = []
        self._lexer = ""
        self._highlighted = 0
        self._thinking = False

    def feed(self, piece: str) -> None:
        text = self._returned + piece
        # As in Markdown, a carriage return ends a line, alone or with the newline after it.
        self._returned = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
        first, *rest = text.split("\n")
        self._line.append(first)
        for line in rest:
            self._write("".join(self._line))
            self._line = [line]

    def finish(self) -> None:
        """Print what is left."""
        line = "".join(self._line)
        if line:
            self._write(line)
        self._line, self._returned = [], ""

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
            self._console.print(Text(shown_prose(line), style="dim italic"))
        elif self._fence:
            self._show_in_code(line)
        elif opening := _opening(line):
            self._fence, self._lexer = opening
            self._code = []
            if self._console.is_terminal:
                self._block(Text(shown_prose(self._lexer), style="dim italic"))
            else:
                self._plain(shown_prose(line))
        elif not self._console.is_terminal:
            self._plain(shown_prose(line))
        else:
            self._console.print(prose(shown_prose(line), self._signs))

    def _plain(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)

    def _show_in_code(self, line: str) -> None:
        stripped = line.strip()
        closes = stripped.startswith(self._fence) and not stripped.strip(self._fence[0])
        if closes:
            self._fence = ""
        if not self._console.is_terminal:
            self._plain(shown_code(line))
        elif not closes:
            self._block(self._coloured(shown_code(line.expandtabs(4))))

    def _coloured(self, line: str) -> Text:
        """The line in colours, if these leave it as it is."""
        spent = self._highlighted > _MAX_HIGHLIGHTED
        if self._lexer not in _HIGHLIGHTED or len(line) > _MAX_CONTEXT or spent:
            return Text(line)
        # Highlighted together with the lines before: a string may have begun there.
        self._code = [*self._code, line][-_MAX_LINES_IN_CONTEXT:]
        while sum(map(len, self._code)) > _MAX_CONTEXT:
            self._code = self._code[len(self._code) // 2 + 1 :] or [line]
        code = "\n".join(self._code)
        self._highlighted += len(code)
        rows = highlight(code, self._lexer).split("\n", allow_blank=True)
        row = rows[len(self._code) - 1] if len(rows) >= len(self._code) else Text()
        return row if row.plain == line else Text(line)

    def _block(self, text: Text) -> None:
        self._console.print(Padding(text, (0, 1), style=f"on {CODE_BACKGROUND}"))


def highlight(code: str, language: str) -> Text:
    """Code in colours; as it is where the language has none."""
    syntax = Syntax("", language, theme=CODE_THEME, background_color=CODE_BACKGROUND)
    return syntax.highlight(code)


def _opening(line: str) -> tuple[str, str] | None:
    """The fence that a line opens, and the language it names."""
    text = line.strip()
    after = text.lstrip(text[:1])
    fence = text[: len(text) - len(after)]
    if len(fence) < 3 or fence[0] not in "`~" or "`" in after:
        return None
    return fence, (after.split() or ["text"])[0].lower()


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

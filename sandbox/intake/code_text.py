"""Code that a model wrote, shown to the person who is asked whether it may run."""

from __future__ import annotations

import re
import unicodedata

from .names import is_plain

_SEEN_AS_THEY_ARE = frozenset("\n\t")
_SIGNS = frozenset("␉␣⟦")
"""What stands for others here, and so not for itself as well."""
_TAB = "␉   "
_ESCAPE = re.compile(r"⟦U\+([0-9A-F]{4,6})⟧")
_TRAILING = re.compile(r" +\Z")
_EMOJI_STYLE = "\N{VARIATION SELECTOR-16}"


def hidden_characters(code: str) -> tuple[str, ...]:
    """The characters of ``code`` that do not show what they are, by name, each once.

    Controls but newline and tab, among them those that move the cursor and those that Python or
    the shell may take for the end of a line; bidirectional and zero-width ones, tags; blanks that
    are no space; what is no character at all. The style of an emoji is none of them.
    """
    plain = _known_plain(code)
    found = dict.fromkeys(
        character
        for place, character in enumerate(code)
        if character not in plain and not _is_style(code, place)
    )
    return tuple(_named(character) for character in found)


def shown_line(line: str) -> str:
    """One line of code, in which nothing is hidden and from which nothing is left out.

    A hidden character is ``⟦U+202E⟧``, a tab ``␉`` and three spaces, spaces at the end are ``␣``.
    :func:`read_line` is the opposite: no two lines look alike.
    """
    plain = _known_plain(line)
    text = "".join(
        character
        if (character in plain or _is_style(line, place)) and character not in _SIGNS
        else f"⟦U+{ord(character):04X}⟧"
        for place, character in enumerate(line)
    )
    text = _TRAILING.sub(lambda match: "␣" * len(match[0]), text)
    return text.replace("\t", _TAB)


def read_line(shown: str) -> str:
    """The line that :func:`shown_line` shows like this."""
    text = shown.replace(_TAB, "\t").replace("␣", " ")
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def lines_of(code: str) -> list[str]:
    """The lines of code; only a newline ends one, and the last needs none."""
    return code.removesuffix("\n").split("\n")


def _known_plain(text: str) -> set[str]:
    """Those characters of a text that show what they are."""
    return {
        character
        for character in set(text)
        if character in _SEEN_AS_THEY_ARE or is_plain(character)
    }


def _is_style(text: str, place: int) -> bool:
    return (
        text[place] == _EMOJI_STYLE and place > 0 and unicodedata.category(text[place - 1]) == "So"
    )


def _named(character: str) -> str:
    name = unicodedata.name(character, "") or _CONTROLS.get(character, "")
    return f"U+{ord(character):04X} {name}".rstrip()


_CONTROLS = {
    "\0": "NULL", "\a": "BELL", "\b": "BACKSPACE", "\v": "LINE TABULATION", "\f": "FORM FEED",
    "\r": "CARRIAGE RETURN", "\x1b": "ESCAPE", "\x7f": "DELETE", "\x85": "NEXT LINE",
    "\x9b": "CONTROL SEQUENCE INTRODUCER", "\x9c": "STRING TERMINATOR",
    "\x9d": "OPERATING SYSTEM COMMAND",
}  # fmt: skip
"""Controls have no name in the database of Unicode, only these aliases."""

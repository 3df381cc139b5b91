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
_JOINER = "\N{ZERO WIDTH JOINER}"
_KEYCAP = "\N{COMBINING ENCLOSING KEYCAP}"


def hidden_characters(code: str) -> tuple[str, ...]:
    """The characters of ``code`` that do not show what they are, by name, each once.

    Controls but newline and tab, among them those that move the cursor and those that Python or
    the shell may take for the end of a line; bidirectional and zero-width ones, tags; blanks that
    are no space; what is no character at all. What joins emojis and gives them their style does not
    count.
    """
    plain = _known_plain(code)
    found = dict.fromkeys(
        character
        for place, character in enumerate(code)
        if character not in plain and not _in_emoji(code, place)
    )
    return tuple(_named(character) for character in found)


def shown_line(line: str) -> str:
    """One line of code, in which nothing is hidden and from which nothing is left out.

    A hidden character is ``⟦U+202E⟧``, a tab ``␉`` and three spaces, spaces at the end are ``␣``.
    :func:`read_line` is the opposite: no two lines look alike.
    """
    text = _escaped(line, _known_plain(line) - _SIGNS)
    text = _TRAILING.sub(lambda match: "␣" * len(match[0]), text)
    return text.replace("\t", _TAB)


def shown_code(text: str) -> str:
    """Code for who only watches: hidden characters as above, all others as they are."""
    return _escaped(text, _known_plain(text))


def shown_prose(text: str) -> str:
    """Text around code: the same, and blanks of all kinds are what they are."""
    blanks = {character for character in set(text) if unicodedata.category(character) == "Zs"}
    return _escaped(text, _known_plain(text) | blanks)


def _escaped(text: str, plain: set[str]) -> str:
    return "".join(
        character if character in plain or _in_emoji(text, place) else f"⟦U+{ord(character):04X}⟧"
        for place, character in enumerate(text)
    )


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


def _in_emoji(text: str, place: int) -> bool:
    """Whether a character gives the emoji before it its style, or joins it to the next."""
    if text[place] not in (_EMOJI_STYLE, _JOINER):
        return False
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if text[place] == _EMOJI_STYLE:
        return _is_symbol(before) or (before.isdigit() and after == _KEYCAP)
    return (_is_symbol(before) or before == _EMOJI_STYLE) and _is_symbol(after)


def _is_symbol(character: str) -> bool:
    # "Sk" are the tones of skin.
    return character != "" and unicodedata.category(character) in ("So", "Sk")


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

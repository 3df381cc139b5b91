"""Code that a model wrote, shown to the person who is asked whether it may run."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .deception import deceptive_places
from .names import is_plain

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_SEEN_AS_THEY_ARE = frozenset("\n\t")
_TRAILING = re.compile(r" +\Z")
_EMOJI_STYLE = "\N{VARIATION SELECTOR-16}"
_JOINER = "\N{ZERO WIDTH JOINER}"
_KEYCAP = "\N{COMBINING ENCLOSING KEYCAP}"


@dataclass(frozen=True, slots=True)
class Notation:
    """How a character that does not show by itself is written."""

    tab: str = "␉   "
    space: str = "␣"
    """At the end of a line."""
    opening: str = "⟦"
    closing: str = "⟧"
    signs: re.Pattern[str] = re.compile("[␉␣⟦]")
    """What stands for others, and so not for itself as well."""

    ASCII: ClassVar[Notation]

    def number(self, character: str) -> str:
        return f"{self.opening}U+{ord(character):04X}{self.closing}"

    def read(self, shown: str) -> str:
        """The line that :func:`shown_line` shows like this."""
        number = re.compile(rf"{self.opening}U\+([0-9A-F]{{4,6}}){self.closing}")
        text = shown.replace(self.tab, "\t").replace(self.space, " ")
        return number.sub(lambda match: chr(int(match[1], 16)), text)


Notation.ASCII = Notation("<U+0009>", "<U+0020>", "<", ">", re.compile(r"<(?=U\+)"))


def notation_for(encoding: str) -> Notation:
    """The one a terminal can show."""
    return Notation() if encoding.lower().startswith("utf") else Notation.ASCII


def hidden_characters(code: str) -> tuple[str, ...]:
    """The characters of ``code`` that do not show what they are, by name, each once.

    Controls but newline and tab, among them those that move the cursor and those that Python or
    the shell may take for the end of a line; bidirectional and zero-width ones, tags; blanks that
    are no space; what is no character at all; what looks like another character, or moves others
    (:mod:`.deception`). What joins emojis and gives them their style does not count.
    """
    found = dict.fromkeys(code[place] for place in sorted(_hidden_places(code)))
    return tuple(_named(character) for character in found)


def shown_line(line: str, encoding: str = "utf-8") -> str:
    """One line of code, in which nothing is hidden and from which nothing is left out.

    A hidden character is ``⟦U+202E⟧``, a tab ``␉`` and three spaces, spaces at the end are ``␣``;
    a terminal that does not know these signs is shown numbers in their place, and of characters
    it does not know. :meth:`Notation.read` is the opposite: no two lines look alike.
    """
    notation = notation_for(encoding)
    strange = {character for character in set(line) if not _encodable(character, encoding)}
    hidden = _hidden_places(line) | {sign.start() for sign in notation.signs.finditer(line)}
    if strange:
        hidden |= {place for place, character in enumerate(line) if character in strange}
    ends = _TRAILING.search(line)
    text = _escaped(line[: ends.start()] if ends else line, hidden, notation)
    text += notation.space * len(ends[0] if ends else "")
    return text.replace("\t", notation.tab)


def _encodable(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _hidden_places(code: str) -> set[int]:
    if code.isascii() and code.isprintable():
        return set()
    plain = _known_plain(code)
    unseen = {
        place
        for place, character in enumerate(code)
        if character not in plain and not _in_emoji(code, place)
    }
    return unseen | {place for place in deceptive_places(code) if not _in_emoji(code, place)}


def shown_code(text: str) -> str:
    """Code for who only watches: what cannot be seen as above, all else as it is."""
    return _watched(text, _known_plain(text))


def shown_prose(text: str) -> str:
    """Text around code: the same, and blanks of all kinds are what they are."""
    blanks = {character for character in set(text) if unicodedata.category(character) == "Zs"}
    return _watched(text, _known_plain(text) | blanks)


def _watched(text: str, plain: set[str]) -> str:
    hidden = {
        place
        for place, character in enumerate(text)
        if character not in plain and not _in_emoji(text, place)
    }
    return _escaped(text, hidden, Notation())


def _escaped(text: str, hidden: AbstractSet[int], notation: Notation) -> str:
    if not hidden:
        return text
    return "".join(
        notation.number(character) if place in hidden else character
        for place, character in enumerate(text)
    )


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
    if text[place] not in (_EMOJI_STYLE, _JOINER, _KEYCAP):
        return False
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if text[place] == _KEYCAP:
        return before == _EMOJI_STYLE and text[place - 2 : place - 1].isdigit()
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

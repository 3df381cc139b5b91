# ruff: noqa: RUF001  The letters that look like others are the subject.
"""Characters that can be seen, and that make code look like other code.

Trojan Source (CVE-2021-42574, CVE-2021-42694) is the known case. Each rule looks at a character and
its neighbours, and all of them together take linear time.
"""

from __future__ import annotations

import re
import string
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK_LIKE_ASCII = frozenset(
    "АВЕЅІЈКМНОРСТУХҮӀԌԜаеорсухѕіјһӏԁԛԝүѵ"  # Cyrillic
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο"  # Greek; small ones that only resemble a letter are common in formulas
    "օսոցհ"  # Armenian
    "ıɑɡſᴄᴏᴠᴡᴢ"  # Latin; to Python the long s is an s
)  # fmt: skip
_WORD = re.compile(r"\\[a-z]|\w+")
"""A word; in a string one may begin after an escape, whose letter is not a part of it."""
_ASCII_LETTERS = frozenset(string.ascii_letters)
_MOST_MARKS = 3
"""On one letter. No script needs more, and many reach the rows above."""
_JAMO = re.compile("[\u1160-\u11ff\ud7b0-\ud7fb]")
"""Vowels and finals of Hangul: without a letter before they take no room."""
_STRUCTURE = frozenset("\"#$%&'()*+/<=>@[\\]^`{|}~")
"""Punctuation of code; the rest may stand in a sentence."""


def deceptive_places(text: str) -> set[int]:
    """Where in a text a character looks like what it is not, or moves what is beside it."""
    if text.isascii():
        return set()
    return {*_not_composed(text), *_loose_marks(text), *_look_alikes(text), *_reordering(text)}


def _not_composed(text: str) -> Iterator[int]:
    """What looks the same as another character, or together with the one before.

    Such as U+037E, which is a semicolon to the eye only.
    """
    for place, character in enumerate(text):
        if character.isascii():
            continue
        before = text[place - 1 : place]
        alone = unicodedata.is_normalized("NFC", character)
        if not alone or not unicodedata.is_normalized("NFC", before + character):
            yield place


def _loose_marks(text: str) -> Iterator[int]:
    """Marks that sit on no letter that could have them, or that are heaped on it."""
    marks = _MOST_MARKS
    for place, character in enumerate(text):
        if not _is_mark(character):
            # A letter of ASCII that has marks has them in its own character, if it is a word's.
            marks = 0 if character.isalpha() and not character.isascii() else _MOST_MARKS
        elif marks == _MOST_MARKS:
            yield place
        else:
            marks += 1


def _is_mark(character: str) -> bool:
    if character.isascii():
        return False
    return unicodedata.category(character) in ("Mn", "Me") or _JAMO.match(character) is not None


def _look_alikes(text: str) -> Iterator[int]:
    """Letters that look like ASCII in words that have letters of ASCII, too."""
    for word in _WORD.finditer(text):
        letters = set(word[0])
        if not letters.isdisjoint(_LOOK_LIKE_ASCII) and not letters.isdisjoint(_ASCII_LETTERS):
            yield from (place for place in range(*word.span()) if text[place] in _LOOK_LIKE_ASCII)


def _reordering(text: str) -> Iterator[int]:
    """Letters written from right to left that turn around the code that follows them.

    Some terminals follow the bidirectional algorithm: between two such letters, or before a digit,
    they show ``'א', 1`` as ``1 ,'א'``.
    """
    last: int | None = None
    code = False
    for place, character in enumerate(text):
        kind = "L" if character == "\n" else unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            if last is not None and code:
                yield from (last, place)
            last, code = place, False
        elif last is None:
            continue
        elif kind == "L":
            last = None
        elif kind in ("EN", "AN") and code:
            yield last
        elif character in _STRUCTURE:
            code = True

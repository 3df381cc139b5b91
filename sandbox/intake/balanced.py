"""HTML written again so that any parser of HTML reads it in linear time.

The algorithm that browsers and nh3 follow ("Parsing HTML documents" of the HTML standard) takes
time and memory by the square of its input where elements are nested without end, closed out of
order, or moved out of tables. So what such a parser is given is bounded before: elements are
balanced, nested a few levels, and tables have only what belongs into them.
"""

from __future__ import annotations

import html as _html
import re
from typing import TYPE_CHECKING

from .left_out import LeftOut

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_TAGS = 50_000
DEEPEST = 50
"""Elements in elements; the tags of those below go, what is in them stays."""

_SPACE = r"[\t\n\f\r ]"
# Possessive, and with an end of the text wherever something may be left open: what has been looked
# at is consumed, so that nothing is looked at twice.
_ATTRIBUTE = re.compile(
    rf"(?:{_SPACE}|/)*+(?P<name>[^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rf"(?:{_SPACE}*+={_SPACE}*+"
    r"""(?:"(?P<double>[^"]*+)(?:"|\Z)|'(?P<single>[^']*+)(?:'|\Z)|(?P<bare>[^\t\n\f\r >]*+)))?+"""
)
_ATTRIBUTES = re.sub(r"\?P<\w+>", "?:", _ATTRIBUTE.pattern)
_TAG = re.compile(
    rf"<(?P<end>/?)(?P<name>[A-Za-z][^\t\n\f\r />]*+)(?P<attributes>(?:{_ATTRIBUTES})*+)"
    rf"(?:{_SPACE}|/)*+(?:>|\Z)"
)
_NO_TAG = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))|<[!?/][^>]*+(?:>|\Z)", re.DOTALL)
_BEGIN = re.compile(r"<(?=[A-Za-z!?/])")

_WEB = re.compile(r"\s*+(?:https?://|mailto:)", re.IGNORECASE)

_RAW = frozenset(
    "iframe noembed noframes noscript plaintext script style textarea title xmp".split()
)
"""Elements in which no tag is one but their own end."""
_WITH_CONTENT = frozenset(
    "applet audio button canvas form head math object select svg template video".split()
)
"""Elements that go with all that is in them, as those of :data:`_RAW` do."""
_VOID = frozenset(["br", "col", "hr"])
_ENDS: Mapping[str, frozenset[str]] = {
    "li": frozenset(["li"]),
    "dt": frozenset(["dt", "dd"]),
    "dd": frozenset(["dt", "dd"]),
    "p": frozenset(["p"]),
    "td": frozenset(["td", "th"]),
    "th": frozenset(["td", "th"]),
    "tr": frozenset(["td", "th", "tr", "caption", "colgroup"]),
    **dict.fromkeys(
        ("thead", "tbody", "tfoot", "colgroup", "caption"),
        frozenset("td th tr thead tbody tfoot caption colgroup".split()),
    ),
}
"""Elements whose end tag may be missing, by the element that begins after them."""
_OF_TABLES = frozenset("caption col colgroup tbody td tfoot th thead tr".split())
_ONLY_PARTS = frozenset("colgroup table tbody tfoot thead tr".split())
"""Elements that hold nothing but parts of a table."""


_REFERENCE = re.compile(r"&(?:#\w{1,32}|[A-Za-z]\w{0,31});?", re.ASCII)
_STAND_INS = dict(zip('&<>"', "\ufdd0\ufdd1\ufdd2\ufdd3", strict=True))
"""Codes that are no characters, in the places of those that are written as references: nh3 takes
time by the square of the number of references in one text."""
_QUOTED = str.maketrans(dict.fromkeys(_STAND_INS.values(), "\ufffd") | _STAND_INS)


def balanced_html(markup: str, attributes: Mapping[str, frozenset[str]]) -> str | LeftOut:
    """The elements and attributes that are keys and values of ``attributes``, in balance.

    Characters with a meaning for HTML are stand-ins until :func:`written` puts references there.
    """
    writer = _Writer(attributes)
    position = 0
    while not writer.full:
        begin = _BEGIN.search(markup, position)
        writer.text(markup[position : begin.start() if begin else len(markup)])
        if begin is None:
            return writer.finish()
        position = _read_one(markup, begin.start(), writer)
    return LeftOut(f"it has more than {MOST_TAGS:,} tags")


def _read_one(markup: str, start: int, writer: _Writer) -> int:
    """Take in the tag or comment at ``start``; where it ends."""
    tag = _TAG.match(markup, start)
    if tag is None:
        writer.skipped()
        comment = _NO_TAG.match(markup, start)
        return comment.end() if comment else len(markup)
    name = tag["name"].lower()
    if tag["end"]:
        writer.end(name)
    elif name in _RAW:
        writer.skipped()
        end = re.compile(f"</{name}(?=[\t\n\f\r />])", re.IGNORECASE).search(markup, tag.end())
        return end.start() if end else len(markup)
    else:
        writer.start(name, tag["attributes"])
    return tag.end()


def written(markup: str) -> str:
    """What was made of :func:`balanced_html`, with the characters that it has stand-ins for."""
    for character, stand_in in _STAND_INS.items():
        markup = markup.replace(stand_in, _html.escape(character))
    return markup


def character_of(reference: str) -> str:
    """What a character reference (``&lt;``, ``&#60;``) stands for; itself, if it is none."""
    try:
        return _html.unescape(reference)
    except ValueError:  # a number of too many digits
        return reference


def _quoted(text: str) -> str:
    if "&" in text:
        text = _REFERENCE.sub(lambda found: character_of(found[0]), text)
    return text.translate(_QUOTED)


class _Writer:
    def __init__(self, attributes: Mapping[str, frozenset[str]]) -> None:
        self._attributes = attributes
        self._parts: list[str] = []
        self._open: list[str] = []
        self._tags = 0
        self._skipping = ""
        """The element that goes with its content, and how many of its name are open."""
        self._skipped = 0

    @property
    def full(self) -> bool:
        return self._tags > MOST_TAGS

    def finish(self) -> str:
        self._close_to(0)
        return "".join(self._parts)

    def text(self, text: str) -> None:
        if self._skipped or (self._in_parts and not text.isspace()):
            return
        self._parts.append(_quoted(text))

    def skipped(self) -> None:
        """Something is there that goes."""
        self._tags += 1

    def start(self, name: str, attributes: str) -> None:
        self._tags += 1
        if self._skipped:
            self._skipped += name == self._skipping
        elif name in _WITH_CONTENT:
            self._skipping, self._skipped = name, 1
        elif name in self._attributes:
            self._begin(name, attributes)

    def end(self, name: str) -> None:
        self._tags += 1
        if self._skipped:
            self._skipped -= name == self._skipping
        elif name in self._open:
            self._close_to(len(self._open) - 1 - self._open[::-1].index(name))

    def _begin(self, name: str, attributes: str) -> None:
        ended = _ENDS.get(name, frozenset[str]())
        while self._open and self._open[-1] in ended:
            self._close_to(len(self._open) - 1)
        misplaced = self._in_parts and name not in _OF_TABLES
        if misplaced or len(self._open) >= DEEPEST or (name == "a" and "a" in self._open):
            return
        self._parts.append(f"<{name}{self._kept(name, attributes)}>")
        if name not in _VOID:
            self._open.append(name)

    @property
    def _in_parts(self) -> bool:
        return bool(self._open) and self._open[-1] in _ONLY_PARTS

    def _kept(self, name: str, attributes: str) -> str:
        allowed = self._attributes[name]
        kept: dict[str, str] = {}
        for found in _ATTRIBUTE.finditer(attributes):
            key = found["name"].lower()
            if key in allowed:
                value = found["double"] or found["single"] or found["bare"] or ""
                kept.setdefault(key, _quoted(value))
        # A link without slashes ("http:page") stays on the server that shows the page.
        if not _WEB.match(kept.get("href", "mailto:")):
            del kept["href"]
        return "".join(f' {key}="{value}"' for key, value in kept.items())

    def _close_to(self, length: int) -> None:
        while len(self._open) > length:
            self._parts.append(f"</{self._open.pop()}>")

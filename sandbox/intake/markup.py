"""Markup that a guest made, as what can only be seen.

A browser would obey what code in a sandbox prints: scripts that run with the rights of the page,
pictures that tell a server that they were looked at, links that run commands of a front end. A
front end that shows a notebook has defences of its own, which last until its user trusts the
notebook ("Security in notebook documents" in the documentation of Jupyter Server).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from .balanced import balanced_html, character_of, written
from .left_out import LeftOut
from .mathematics import harmless_mathematics, has_mathematics, unknown_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_CHARACTERS = 1 << 20
"""Of one piece of markup."""
LINKS = frozenset(["http", "https", "mailto"])
"""The schemes of links that stay."""

_TAGS = frozenset(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption "
    "figure h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q s samp small span strong sub "
    "summary sup table tbody td tfoot th thead tr tt u ul var".split()
)
_OF_ALL = frozenset(["dir", "lang", "title"])
_OF_CELLS = frozenset(["align", "colspan", "rowspan", "scope", "valign"])
_ATTRIBUTES = dict.fromkeys(_TAGS, _OF_ALL) | {
    "a": _OF_ALL | {"href"},
    "col": _OF_ALL | {"span"},
    "colgroup": _OF_ALL | {"span"},
    "ol": _OF_ALL | {"start"},
    "table": _OF_ALL | {"border", "cellpadding", "cellspacing"},
    "tr": _OF_ALL | {"align", "valign"},
    "td": _OF_ALL | _OF_CELLS,
    "th": _OF_ALL | _OF_CELLS,
}


def static_html(markup: str) -> str | LeftOut:
    """The text, tables, lists, emphasis and links to the web of ``markup``."""
    if len(markup) > MOST_CHARACTERS:
        return _TOO_LONG
    balanced = balanced_html(printable(markup), _ATTRIBUTES)
    if isinstance(balanced, LeftOut):
        return balanced
    cleaned = written(_clean()(balanced))
    return harmless_mathematics(cleaned) if has_mathematics(cleaned) else cleaned


@cache
def _clean() -> Callable[[str], str]:
    import nh3

    return nh3.Cleaner(
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes=set(LINKS),
        url_relative="deny",
        link_rel="noopener noreferrer",
    ).clean


def static_markdown(text: str) -> str | LeftOut:
    """Markdown in which HTML is shown as it is written, no picture is fetched, and links lead to
    the web only.

    What would be something else gets a space into its middle. Dialects of Markdown differ in what
    they take for code, so nothing is left alone for being code.
    """
    if len(text) > MOST_CHARACTERS:
        return _TOO_LONG
    text = _AUTOLINK.sub(r"\1", printable(text))
    text = _REFERENCE.sub(_without_syntax, text)
    for syntax in (_TAG, _PICTURE, _TARGET, _SCHEME):
        text = syntax.sub(r"\g<0> ", text)
    text = _ADDRESS.sub(lambda found: _replaced(found[0], _ENCODED), text)
    text = _INFO.sub(lambda found: _replaced(found[0], _REFERRED), text)
    return harmless_mathematics(text)


def static_latex(text: str) -> str | LeftOut:
    """LaTeX, if it is made of commands that are known to do nothing but to be seen."""
    if len(text) > MOST_CHARACTERS:
        return _TOO_LONG
    text = printable(text)
    unknown = unknown_command(text)
    return text if unknown is None else LeftOut(f"its LaTeX has {unknown}")


def printable(text: str) -> str:
    """Without characters that no text has: controls but for line ends and tabs, halves of pairs
    of surrogates."""
    return _CONTROLS.sub("", text).encode("utf-8", "replace").decode()


_TOO_LONG = LeftOut(f"it has more than {MOST_CHARACTERS:,} characters")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_REFERENCE = re.compile(r"&(?:#\w{1,32}|[A-Za-z]\w{0,31});", re.ASCII)
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^\s<>]++)>", re.I)
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_PICTURE = re.compile(r"!(?=\[)")
_WEB = r"[ \t]*+(?:\n[ \t]*+)?+(?:https?://|mailto:)[^\s\\&()\[\]]"
_TARGET = re.compile(
    rf"\](?=[(:])(?!\({_WEB}[^\s()\[\]]*+\)|.{_WEB}[^\s\[\]]*+(?![\[\]]|[\s>]*+[\"'(]))", re.I
)
"""Before the target of a link, in the text (``[x](…)``) or by itself (``[x]: …``), unless it leads
to the web and has no title."""
_SCHEME = re.compile(r"ftp(?=://)", re.I)
"""Of what some dialects make a link, though nothing marks it as one."""

# JupyterLab takes mathematics out before it reads Markdown, and puts it back into the HTML: where
# that is an attribute, a quotation mark in a formula would end it. So no formula begins there.
_ADDRESS = re.compile(r"(?:://|www\.|mailto:)[^\s]++", re.I)
_INFO = re.compile(r"(?:`{3}|~{3})[^\n]++")
"""The rest of a line that begins a block of code: the language becomes an attribute."""
_ENCODED = {"$": "%24", "\\": "%5C"}
_REFERRED = {"$": "&#36;", "\\": "&#92;"}


def _replaced(text: str, by: Mapping[str, str]) -> str:
    for character, other in by.items():
        text = text.replace(character, other)
    return text


def _without_syntax(reference: re.Match[str]) -> str:
    """A character reference, unless what it stands for could be read as syntax once it does."""
    meant = character_of(reference[0])
    harmless = meant in ("&", "<", ">", '"', "\xa0") or (meant > "\xa0" and meant.isprintable())
    return reference[0] if harmless else "&amp;" + reference[0][1:]

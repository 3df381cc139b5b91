"""Markup: any text gives what no browser obeys, or LeftOut."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from ...sandbox.intake import LeftOut
from ...sandbox.intake.forms import safe_forms
from ...sandbox.intake.markup import static_html, static_latex, static_markdown
from ...sandbox.intake.svg import static_svg
from .target import FuzzTarget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

_HTML = (
    "<b>|</b>|<a href=|javascript:x|https://x.y|data:text/html,x|<!--|-->|<![x[|]]>|<table>|<tr>"
    "|<td>|</table>|<svg>|<math>|<style>|</style>|<script>|</script>|<p "
    "|onclick=x|style=x|class=x|>|'|\""
    "|=|<|/|&#x3c;|&lt;|&#99999999999;|\\href{|$|\x00|\ud800|<title>|<li>|<img src=x>|x| |\n"
    "|<plaintext>"
).split("|")
_MARKDOWN = (
    "[|]|(|)|:|!|<|>|\\|`|$|&colon;|&#58;|&Tab;|javascript:|JaVa|https://x.y|mailto:a@b|data:|\n|\n\n"
    "| |    |#|*|>|\\href{|\\(|\\)|\\begin{|x|<b>|\t|^^5c|\x00|\ud800|{|}"
).split("|")
_SVG = (
    "<g>|</g>|<rect |/>|>|<a href='javascript:x'>|</a>|<use href='#a'/>|id='a'|fill='url(#a)'|"
    "style='fill:url(//x)'|onload='x'|<style>|</style>|<script>|</script>|<text>|</text>|x|&lt;|"
    "<image href='data:image/png;base64,AA=='/>|<!--|-->|<![CDATA[|]]>|<foreignObject>|&amp;"
).split("|")
_LATEX = "\\|frac|href|{|}|$|^|5c|begin|end|matrix|document|x|\\\\| |%|#|~|def|@|\n|\ud800".split(
    "|"
)
_LINK = re.compile(r"\]\(\s*(?!https?://|mailto:)|\]:|!\[|<[A-Za-z/!?]|\\(?:href|input)")


def _joined(pieces: Sequence[str]) -> SearchStrategy[str]:
    from hypothesis import strategies as st

    piece = st.sampled_from(pieces) | st.text(max_size=3)
    return st.lists(piece, max_size=25).map("".join)


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


_TAGS = frozenset(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption "
    "figure h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q s samp small span strong sub summary "
    "sup table tbody td tfoot th thead tr tt u ul var".split()
)


def _html(text: str) -> None:
    made = static_html(text)
    if isinstance(made, LeftOut):
        return
    seen = _Seen()
    seen.feed(made)
    seen.close()
    assert seen.tags <= _TAGS, seen.tags
    for name, value in seen.attributes:
        assert not name.startswith(("on", "style", "class", "id", "src")), name
        assert name != "href" or re.match("(?:https?|mailto):", value or "", re.I), value
    again = static_html(made)
    assert again == made, (made, again)
    made.encode()


def _markdown(text: str) -> None:
    made = static_markdown(text)
    if isinstance(made, LeftOut):
        return
    found = _LINK.search(made)
    if found and found[0] == "]:":
        assert re.match(r"\]:[ \t]*(?:\n[ \t]*)?(?:https?://|mailto:)", made[found.start() :], re.I)
        found = None
    assert found is None, found
    made.encode()


def _svg(text: str) -> None:
    made = static_svg(f'<svg xmlns="http://www.w3.org/2000/svg">{text}</svg>')
    if isinstance(made, LeftOut):
        return
    for element in ElementTree.fromstring(made).iter():
        name = element.tag.rpartition("}")[2]
        assert name not in ("script", "style", "a", "foreignObject", "animate", "set"), name
        for key, value in element.attrib.items():
            assert not key.startswith("on"), key
            assert "//" not in value, value
            assert not value.startswith("javascript"), value


def _latex(text: str) -> None:
    made = static_latex(text)
    if isinstance(made, str):
        assert not re.search(r"(?<!\\)(?:\\\\)*\\(?:href|def|document)|\^\^", made)
        made.encode()


def _values() -> SearchStrategy[Any]:
    from hypothesis import strategies as st

    kinds = (
        "text/plain text/html text/markdown text/latex image/svg+xml image/png image/jpeg "
        "application/json application/javascript"
    ).split()
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    values = st.recursive(
        leaves | st.text(st.characters(), max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(leaves, inner, max_size=3),
        max_leaves=10,
    )
    return values | st.dictionaries(st.sampled_from(kinds) | leaves, values | _joined(_HTML))


def _forms(value: Any) -> None:
    import json

    made = safe_forms(value)
    assert json.dumps(made, allow_nan=False)
    json.dumps(made, ensure_ascii=False).encode()
    assert set(made) <= {
        *("text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml"),
        *("image/png", "image/jpeg", "image/gif", "application/json"),
    }


TARGETS = (
    FuzzTarget("html", lambda: _joined(_HTML), _html),
    FuzzTarget("markdown", lambda: _joined(_MARKDOWN), _markdown),
    FuzzTarget("svg", lambda: _joined(_SVG), _svg),
    FuzzTarget("latex", lambda: _joined(_LATEX), _latex),
    FuzzTarget("forms", _values, _forms),
)

"""Markup that can only be seen: HTML, SVG and Markdown of guests without all that acts.

Code in a sandbox may print what a browser would obey: scripts that run with the rights of the
page, pictures that tell a server they were looked at. What is kept is an allow list; everything
else goes. A front end that shows a notebook has defences of its own, which last until its user
trusts the notebook ("Security in notebook documents" in the documentation of Jupyter Server).
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

MAX_MARKUP = 8 << 20
"""Characters of markup that are looked at."""

_TAGS = frozenset(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption "
    "figure h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q s samp small span strong sub "
    "summary sup table tbody td tfoot th thead tr tt u ul var".split()
)
_ATTRIBUTES = frozenset(
    "align border cellpadding cellspacing class colspan dir lang rowspan scope span start title "
    "valign".split()
)
_VOID = frozenset(["br", "col", "hr"])
_WITH_CONTENT = frozenset(
    "applet audio button canvas embed form frame frameset head iframe math noembed noframes "
    "noscript object script select style svg template textarea title video xmp".split()
)
"""Elements that go with all that is in them."""

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_SHAPES = frozenset(
    "circle clipPath defs desc ellipse g image line linearGradient marker mask path pattern "
    "polygon polyline radialGradient rect stop style svg switch symbol text textPath title tspan "
    "use".split()
)
_DATA_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*")
_REACHES_OUT = re.compile(r"url\(\s*(?![\"']?#)|@|\\|expression|javascript:|image-set", re.I)


def static_html(markup: str) -> str:
    """The text, tables, lists and emphasis of ``markup``; no scripts, styles, pictures, links."""
    reader = _StaticHTML()
    reader.feed(markup[:MAX_MARKUP])
    reader.close()
    return reader.finish()


def static_markdown(text: str) -> str:
    """Markdown in which HTML is shown as it is written, and no picture is fetched."""
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    return text.replace("![", "!\\[")


def static_svg(markup: str) -> str | None:
    """The shapes and texts of a drawing; ``None`` if it is none.

    Scripts, event handlers, foreign content, animations and references to anything outside of
    the drawing are left out.
    """
    if len(markup) > MAX_MARKUP or "<!ENTITY" in markup.upper():
        return None
    try:
        root = ElementTree.fromstring(markup)  # noqa: S314 (no entity is declared)
    except (ElementTree.ParseError, ValueError, RecursionError):
        return None
    if root.tag != f"{{{_SVG}}}svg":
        return None
    _prune(root)
    for prefix, name in (("", _SVG), ("xlink", _XLINK)):
        ElementTree.register_namespace(prefix, name)
    return ElementTree.tostring(root, encoding="unicode")


def _prune(root: ElementTree.Element) -> None:
    pending = [root]
    while pending:
        element = pending.pop()
        for name, value in list(element.attrib.items()):
            if not _harmless(element.tag, name, value):
                del element.attrib[name]
        for child in list(element):
            if _is_shape(child):
                pending.append(child)
            else:
                element.remove(child)


def _is_shape(element: ElementTree.Element) -> bool:
    tag: Any = element.tag  # a function for comments and processing instructions
    if not isinstance(tag, str) or not tag.startswith(f"{{{_SVG}}}"):
        return False
    name = tag.removeprefix(f"{{{_SVG}}}")
    if name == "style" and (len(element) or _REACHES_OUT.search(element.text or "")):
        return False
    return name in _SHAPES


def _harmless(tag: str, name: str, value: str) -> bool:
    plain = name.removeprefix(f"{{{_XLINK}}}").lower()
    if plain.startswith(("on", "{")):
        return False
    if plain in ("href", "src"):
        picture = tag.endswith("}image") and _DATA_PICTURE.fullmatch(value)
        return value.startswith("#") or bool(picture)
    return _REACHES_OUT.search(value) is None


class _StaticHTML(HTMLParser):
    """Writes again what it reads, as far as it is on the list."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._skipping: list[str] = []

    def finish(self) -> str:
        self._parts += [f"</{tag}>" for tag in reversed(self._open)]
        return "".join(self._parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._skipping or tag in _WITH_CONTENT:
            if tag not in _VOID and tag not in ("embed", "frame"):
                self._skipping.append(tag)
        elif tag in _TAGS:
            kept = "".join(
                f' {name}="{html.escape(value or "")}"'
                for name, value in attrs
                if name in _ATTRIBUTES
            )
            self._parts.append(f"<{tag}{kept}>")
            if tag not in _VOID:
                self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._skipping and tag in _VOID:
            self._parts.append(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._skipping:
            while self._skipping.pop() != tag:
                pass
        elif not self._skipping and tag in self._open:
            while True:
                last = self._open.pop()
                self._parts.append(f"</{last}>")
                if last == tag:
                    break

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self._parts.append(html.escape(data, quote=False))

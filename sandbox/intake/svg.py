"""Drawings (SVG) that a guest made, as shapes and texts and nothing else.

What a drawing refers to is in it, and what is referred to does not refer further by ``use``, so
that a few lines cannot draw a billion shapes.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from io import StringIO

from .left_out import LeftOut

MOST_CHARACTERS = 4 << 20
MOST_ELEMENTS = 100_000
DEEPEST = 100
MOST_DRAWN = 4_000_000
"""Elements to be drawn, each time that one is: by ``use``, and as a pattern or mask of others."""

_SVG = "http://www.w3.org/2000/svg "
_LINK = "http://www.w3.org/1999/xlink href"
_NAMES = {_LINK: "xlink:href", "http://www.w3.org/XML/1998/namespace space": "xml:space"}
_ROOT = f'<svg xmlns="{_SVG.strip()}" xmlns:xlink="{_LINK.split()[0]}"'

_ELEMENTS = frozenset(
    "circle clipPath defs desc ellipse g image line linearGradient marker mask path pattern "
    "polygon polyline radialGradient rect stop svg switch symbol text textPath title tspan "
    "use".split()
)
_WITH_TEXT = frozenset("desc text textPath title tspan".split())
_PAINTED = frozenset("clipPath marker mask pattern".split())
"""Elements that are drawn wherever they are referred to; nothing in them refers to another."""
_STYLE = frozenset(
    "alignment-baseline baseline-shift clip-path clip-rule color color-interpolation direction "
    "display dominant-baseline fill fill-opacity fill-rule font font-family font-size "
    "font-size-adjust font-stretch font-style font-variant font-weight letter-spacing marker "
    "marker-end marker-mid marker-start mask opacity overflow paint-order shape-rendering "
    "stop-color stop-opacity stroke stroke-dasharray stroke-dashoffset stroke-linecap "
    "stroke-linejoin stroke-miterlimit stroke-opacity stroke-width text-anchor text-decoration "
    "text-rendering vector-effect visibility word-spacing writing-mode".split()
)
_ATTRIBUTES = _STYLE | frozenset(
    "clipPathUnits cx cy d dx dy fx fy gradientTransform gradientUnits height id lengthAdjust "
    "markerHeight markerUnits markerWidth maskContentUnits maskUnits method offset orient "
    "pathLength patternContentUnits patternTransform patternUnits points preserveAspectRatio r "
    "refX refY rotate rx ry spacing spreadMethod startOffset textLength transform version viewBox "
    "width x x1 x2 xml:space y y1 y2".split()
)
_DATA_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*+")
_INSIDE = re.compile(r"#[^\s\"'()\\<>&]{1,200}")
_UNUSUAL = re.compile(r"[\\@]|/\*|&|<|\w:")
"""Escapes, rules and comments of CSS, addresses."""
_CALL = re.compile(r"(?P<function>[A-Za-z-]++)\s*+\(")
_REFERENCE = re.compile(r"url\(\s*+(?P<quote>[\"']?)(?P<target>[^)\"'\s]{0,200}+)(?P=quote)\s*+\)")
_FUNCTIONS = frozenset("hsl hsla matrix rgb rgba rotate scale skewX skewY translate url".split())


class _Refused(Exception):
    """The whole drawing is left out; the message is the reason."""


def static_svg(markup: str) -> str | LeftOut:
    """The shapes and texts of a drawing.

    Scripts, event handlers, style sheets, foreign content, animations, links and references to
    anything outside of the drawing are not in it.
    """
    from xml.parsers import expat

    if len(markup) > MOST_CHARACTERS:
        return LeftOut(f"it has more than {MOST_CHARACTERS:,} characters")
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    writer = _Writer()
    parser.StartElementHandler = writer.start
    parser.EndElementHandler = writer.end
    parser.CharacterDataHandler = writer.text
    parser.StartDoctypeDeclHandler = writer.doctype
    try:
        # In one piece: expat looks at what is incomplete again with every piece.
        parser.Parse(markup.encode("utf-8", "replace"), True)
        return writer.finish()
    except (expat.ExpatError, ValueError):
        return LeftOut("it is no SVG")
    except _Refused as refused:
        return LeftOut(str(refused))


class _Writer:
    def __init__(self) -> None:
        self._out = StringIO()
        self._open: list[str] = []
        """Names of what is open and written."""
        self._ids: list[str] = []
        """Ids of what is open, empty for what has none; those that have a ``use`` in them go on."""
        self._skipped = 0
        """Levels below something that is left out."""
        self._elements = 0
        self._begun: list[int] = []
        """How many elements there were when each of those that are open began."""
        self._sizes: Counter[str] = Counter()
        """Elements in what has an id."""
        self._largest = 0
        """Elements in the largest pattern, mask, marker or clipping path."""
        self._using: set[str] = set()
        self._used: Counter[str] = Counter()
        self._painted = 0

    def finish(self) -> str:
        if self._used.keys() & self._using:
            raise _Refused("what it uses uses something else")
        used = sum(times * self._sizes[name] for name, times in self._used.items())
        if (self._elements + used) * (1 + self._largest) > MOST_DRAWN:
            raise _Refused(f"it draws more than {MOST_DRAWN:,} elements")
        return self._out.getvalue()

    def doctype(self, _name: str, _system: object, _public: object, declares: int) -> None:
        if declares:
            raise _Refused("it declares entities")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise _Refused(f"it has more than {MOST_ELEMENTS:,} elements")
        if len(self._open) + self._skipped >= DEEPEST:
            raise _Refused(f"it is nested more than {DEEPEST} levels deep")
        name = tag.removeprefix(_SVG)
        if name == tag or (not self._open and name != "svg"):
            name = ""
        if not self._open and not name:
            raise _Refused("it is no SVG")
        if self._skipped or not (name == "a" or name in _ELEMENTS):
            self._skipped += 1
        elif name == "a":
            self._write("g", {})
        else:
            self._write(name, attributes)

    def end(self, tag: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        name = self._open.pop()
        size = self._elements - self._begun.pop()
        self._sizes[self._ids.pop()] += size
        if name in _PAINTED:
            self._painted -= 1
            self._largest = max(self._largest, size)
        self._out.write(f"</{name}>")

    def text(self, text: str) -> None:
        if not self._skipped and self._open and (text.isspace() or self._open[-1] in _WITH_TEXT):
            self._out.write(html.escape(text, quote=False))

    def _write(self, name: str, attributes: dict[str, str]) -> None:
        self._out.write(f"<{name}" if self._open else _ROOT)
        self._painted += name in _PAINTED
        for long, value in attributes.items():
            key = _NAMES.get(long, long)
            kept = self._kept(name, key, value)
            if kept is not None:
                self._out.write(f' {key}="{html.escape(kept)}"')
        self._out.write(">")
        self._open.append(name)
        self._begun.append(self._elements - 1)
        self._ids.append(attributes.get("id", ""))

    def _kept(self, element: str, key: str, value: str) -> str | None:
        """The value of an attribute as it may stay; ``None`` if it may not."""
        if key in ("href", "xlink:href"):
            return self._link(element, value)
        if key == "style":
            return self._style(value)
        return value if key in _ATTRIBUTES and self._is_inside(value) else None

    def _link(self, element: str, target: str) -> str | None:
        if element == "image":
            return target if _DATA_PICTURE.fullmatch(target) else None
        if not _INSIDE.fullmatch(target) or (self._painted and element == "use"):
            return None
        if element == "use":
            self._used[target[1:]] += 1
            self._using.update(self._ids)
        return target

    def _style(self, style: str) -> str | None:
        kept: list[str] = []
        for declaration in style.split(";"):
            key, colon, value = declaration.partition(":")
            if colon and key.strip().lower() in _STYLE and self._is_inside(value):
                kept.append(f"{key.strip()}: {value.strip()}")
        return "; ".join(kept) or None

    def _is_inside(self, value: str) -> bool:
        """Whether the value of an attribute refers to the drawing itself, or to nothing."""
        if _UNUSUAL.search(value):
            return False
        if "(" not in value:
            return True
        functions = [found["function"] for found in _CALL.finditer(value)]
        targets = [found["target"] for found in _REFERENCE.finditer(value)]
        return (
            len(functions) == value.count("(")
            and _FUNCTIONS.issuperset(functions)
            and len(targets) == functions.count("url")
            and all(_INSIDE.fullmatch(target) for target in targets)
            and not (targets and self._painted)
        )

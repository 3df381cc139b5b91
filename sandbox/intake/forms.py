"""Values that a guest displayed, in the forms that can be seen and do nothing.

What is kept is an allow list by MIME type. What is on it and cannot be taken in is told among the
plain text of the value.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import TYPE_CHECKING, Any, cast

from .left_out import LeftOut
from .markup import static_html, static_latex, static_markdown
from .pictures import MAX_BYTES, SIGNATURES, read_picture
from .svg import static_svg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST_FORMS = 32
"""Forms of one value that are looked at."""
MOST_TEXT = 16 << 20
"""Characters of plain text that are kept of a value."""
MOST_ITEMS = 100_000
"""Lists, objects, keys and other values in one value of JSON."""
DEEPEST = 50
MOST_BITS = 4096
"""Of an integer: Python does not write any as text."""

_PLAIN = "text/plain"


def safe_forms(data: object) -> dict[str, Any]:
    """The forms of a displayed value that can only be seen, by MIME type."""
    safe: dict[str, Any] = {}
    missing: list[str] = []
    forms = cast("dict[object, object]", data) if isinstance(data, dict) else {}
    for kind, form in list(forms.items())[:MOST_FORMS]:
        take = _TAKERS.get(kind) if isinstance(kind, str) else None
        if take is None:
            continue
        made = take(_text(form) if take is not _json else form)
        if isinstance(made, LeftOut):
            missing.append(f"[left out: {kind}: {made.why}]")
        elif made != "":
            safe[cast("str", kind)] = made
    if missing:
        safe[_PLAIN] = "\n".join([*filter(None, [safe.get(_PLAIN)]), *missing])
    return safe


def safe_outputs(outputs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outputs of a cell as nbformat 4 has them, without what acts."""
    safe: list[dict[str, Any]] = []
    for output in outputs:
        if "data" not in output:
            safe.append(output)
        elif forms := safe_forms(output["data"]):
            # Metadata tells front ends how to show a form; some obey more than a size.
            safe.append({**output, "data": forms, "metadata": {}})
    return safe


def picture_data(form: str, kind: str) -> bytes | LeftOut:
    """The picture of this MIME type that ``form`` is in base64."""
    if len(form) > MAX_BYTES * 3 // 2:
        return _TOO_LARGE
    try:
        data = binascii.a2b_base64("".join(form.split()), strict_mode=True)
    except ValueError:  # binascii.Error is one
        return LeftOut("it is no base64")
    if len(data) > MAX_BYTES:
        return _TOO_LARGE
    picture = read_picture(data)
    if isinstance(picture, LeftOut):
        return picture
    return data if picture.mime_type == kind else LeftOut("it is no such picture")


_TOO_LARGE = LeftOut(f"it has more than {MAX_BYTES:,} bytes")


def _text(form: object) -> str | LeftOut:
    """A text, which may come as a list of its lines."""
    if isinstance(form, list):
        lines = cast("list[object]", form)
        form = "".join(line for line in lines if isinstance(line, str))
    return form if isinstance(form, str) else LeftOut("it is no text")


def _of_text(take: Callable[[str], str | LeftOut]) -> Callable[[Any], str | LeftOut]:
    return lambda form: form if isinstance(form, LeftOut) else take(form)


def _plain(text: str) -> str | LeftOut:
    if len(text) > MOST_TEXT:
        return LeftOut(f"it has more than {MOST_TEXT:,} characters")
    return text.encode("utf-8", "replace").decode()


def _picture(kind: str) -> Callable[[str], str | LeftOut]:
    def take(form: str) -> str | LeftOut:
        data = picture_data(form, kind)
        return data if isinstance(data, LeftOut) else base64.b64encode(data).decode()

    return take


def _json(value: Any) -> Any:
    """A value of JSON that any reader of JSON reads, and that can be walked through."""
    level, items = [value], 0
    for _ in range(DEEPEST):
        below: list[Any] = []
        for item in level:
            if not _is_readable(item):
                return LeftOut("it is no JSON")
            below += (
                item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
            )
        items += len(level)
        if items + len(below) > MOST_ITEMS:
            return LeftOut(f"it has more than {MOST_ITEMS:,} items")
        if not below:
            return value
        level = below
    return LeftOut(f"it is nested more than {DEEPEST} levels deep")


def _is_readable(item: Any) -> bool:
    if isinstance(item, dict):
        return all(
            isinstance(key, str) and _is_text(key) for key in cast("dict[object, Any]", item)
        )
    if isinstance(item, int):
        return item.bit_length() <= MOST_BITS
    if isinstance(item, float):
        return math.isfinite(item)
    return item is None or isinstance(item, list) or (isinstance(item, str) and _is_text(item))


def _is_text(text: str) -> bool:
    """Whether it can be written: half a pair of surrogates cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_TAKERS: dict[str, Callable[[Any], Any]] = {
    _PLAIN: _of_text(_plain),
    "text/html": _of_text(static_html),
    "text/markdown": _of_text(static_markdown),
    "text/latex": _of_text(static_latex),
    "image/svg+xml": _of_text(static_svg),
    **{kind: _of_text(_picture(kind)) for kind in SIGNATURES.values()},
    "application/json": _json,
}

"""Displayed values in words, and their pictures as files."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Literal, cast

from ...sandbox.intake import LeftOut
from ...sandbox.intake.forms import picture_data
from ...sandbox.intake.svg import static_svg
from .messages import forms_of, text_of
from .outputs import Shown, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_IN_WORDS = ("text/plain", "text/markdown", "text/latex")
_PICTURES = {"image/png": ".png", "image/jpeg": ".jpg", "image/svg+xml": ".svg"}
_MAX_JSON = 10_000


def shown(kind: Literal["display_data", "execute_result"], content: dict[str, Any]) -> Shown | None:
    """The value in a message; ``None`` if there is none."""
    forms = forms_of(content)
    if not forms:
        return None
    metadata, transient = content.get("metadata"), content.get("transient")
    name = text_of(transient, "display_id") if isinstance(transient, dict) else ""  # pyright: ignore
    value = Shown(
        kind,
        forms,
        cast("dict[str, Any]", metadata) if isinstance(metadata, dict) else {},
        display_id=name[:256] or None,
        size=sum(_size(form) for form in forms.values()),
    )
    picture = next((form for form in _PICTURES if form in forms), None)
    if picture is not None:
        value.file = f"figure-{secrets.token_hex(4)}{_PICTURES[picture]}"
    return value


def describe(value: Shown) -> str:
    """The value as a reader of plain text gets it, pictures by the names of their files."""
    lines: list[str] = []
    words = next((form for form in _IN_WORDS if form in value.data), None)
    if words is not None:
        lines.append(plain(str(value.data[words])))
    elif "application/json" in value.data:
        lines.append(json.dumps(value.data["application/json"])[:_MAX_JSON])
    elif value.file is None:
        lines += [f"[{form}, {_size(value.data[form]):,} characters]" for form in value.data]
    if value.file is not None:
        lines.append(f"[picture: {value.file}]")
    return "\n".join(lines).rstrip("\n") + "\n"


def pictures(values: Iterable[Shown]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files of those values that are pictures.

    A picture that is none, by its first bytes, has no file. Nor has a drawing (SVG) that would
    do more than be seen: what is saved has no script, and refers to nothing outside.
    """
    for value in values:
        if value.file is None:
            continue
        form = next(form for form in _PICTURES if form in value.data)
        data = _picture_data(form, str(value.data[form]))
        if not isinstance(data, LeftOut):
            yield value.file, data


def _picture_data(kind: str, form: str) -> bytes | LeftOut:
    if kind != "image/svg+xml":
        return picture_data(form, kind)
    drawing = static_svg(form)
    return drawing if isinstance(drawing, LeftOut) else drawing.encode()


def _size(form: Any) -> int:
    if isinstance(form, str):
        return len(form)
    return len(json.dumps(form))

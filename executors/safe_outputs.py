"""Outputs of guests, made fit to be kept in a notebook that somebody opens.

What a front end would run or fetch is left out or made static (:mod:`.static_markup`), so that it
is harmless whether or not the notebook is trusted later.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from .static_markup import static_html, static_markdown, static_svg

if TYPE_CHECKING:
    from collections.abc import Iterable

SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}
"""How files of pictures begin, and their MIME types."""
MAX_FORM = 16 << 20
"""Largest form of a value that is kept, in characters."""

_DANGEROUS_LATEX = re.compile(r"\\(?:href|url|html\w*|class|style|cssId|require|unicode)\b")


def image_type(data: bytes) -> str | None:
    """The MIME type of a picture a notebook may show; ``None`` for anything else."""
    return next((kind for start, kind in SIGNATURES.items() if data.startswith(start)), None)


def safe_forms(data: dict[str, Any]) -> dict[str, Any]:
    """The forms of a displayed value that can only be seen, by MIME type."""
    safe: dict[str, Any] = {}
    for kind, form in data.items():
        made = _safe_form(kind, form)
        if made is not None:
            safe[kind] = made
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


def _safe_form(kind: str, form: Any) -> Any:
    if kind == "application/json":
        return form
    if not isinstance(form, str) or len(form) > MAX_FORM:
        return None
    match kind:
        case "text/plain":
            return form
        case "text/html":
            return static_html(form) or None
        case "text/markdown":
            return static_markdown(form)
        case "text/latex":
            return None if _DANGEROUS_LATEX.search(form) else form
        case "image/svg+xml":
            return static_svg(form)
        case _:
            return form if kind in SIGNATURES.values() and _is_picture(form, kind) else None


def _is_picture(form: str, kind: str) -> bool:
    try:
        return image_type(base64.b64decode(form[:64])) == kind
    except (binascii.Error, ValueError):
        return False

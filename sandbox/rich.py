"""What a cell displayed: checked, since a guest says so, and bounded."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from .intake import LeftOut
from .intake.json_values import MOST_BYTES, read_json, weigh, without_surrogates
from .result import RichOutput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .intake.kept import Kept

MOST = 1000
"""Rich outputs of one cell that are kept."""
_OUTPUT = 1024
"""Bytes of an output besides its forms."""
_FORM = 256
"""Bytes of a form besides its type and what is in it."""

_WIDE, _WIDEST = re.compile(rb"[\x80-\xff]"), re.compile(rb"[\xf0-\xff]")

Form = tuple[str, str, int]
"""A MIME type, how it is encoded, and bytes."""


class RichCollector:
    """Collects the rich outputs of one cell; what finds no room is left out."""

    def __init__(self, kept: Kept) -> None:
        self.outputs: list[RichOutput] = []
        self._kept = kept

    def feed(
        self, forms: Sequence[Form], metadata: dict[str, Any], body: bytes
    ) -> RichOutput | None:
        """Take a displayed value of the guest; ``None`` if there is no room for it."""
        parts = list(_parts(forms, body))
        size = _OUTPUT + weigh(json.dumps(metadata).encode(), 0)
        size += sum(_FORM + 4 * len(mime) + _size(kind, part) for mime, kind, part in parts)
        if len(self.outputs) >= MOST:
            self._kept.truncated = True
            return None
        if not self._kept.take(size):
            return None
        data = {mime: _decode(kind, part) for mime, kind, part in parts}
        output = RichOutput(data, metadata)
        self.outputs.append(output)
        return output


def _parts(forms: Sequence[Form], body: bytes) -> Iterator[tuple[str, str, memoryview]]:
    start, view = 0, memoryview(body)  # large ones are not copied
    for mime, kind, size in forms:
        yield mime, kind, view[start : start + size]
        start += size


def _size(kind: str, part: memoryview) -> int:
    """Bytes that a form takes here at most."""
    if kind == "binary":
        return len(part) * 4 // 3 + 4
    if kind == "json":
        return weigh(bytes(part), 0) if len(part) <= MOST_BYTES else 0
    # As CPython keeps text: by its widest character. Damaged UTF-8 becomes U+FFFD.
    return len(part) * (4 if _WIDEST.search(part) else 2 if _WIDE.search(part) else 1)


def _decode(kind: str, part: memoryview) -> Any:
    if kind == "binary":
        return base64.b64encode(part).decode()
    if kind == "text":
        return str(part, "utf-8", "replace")
    if len(part) > MOST_BYTES:
        return f"<{len(part):,} bytes of JSON, too large to read>"
    value = read_json(bytes(part), of_python=True)
    return str(value) if isinstance(value, LeftOut) else without_surrogates(value)

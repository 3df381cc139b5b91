"""What a cell displayed: checked, since a guest says so, and bounded."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, cast

from .result import RichOutput

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 1000
"""Rich outputs of one cell that are kept."""
MEMORY = 128 << 20
"""Bytes that all of them may take here, roughly."""
_WEIGHTS = {"binary": 2, "text": 4, "json": 25}
"""Bytes here for one of a form: base64 is longer, text may take four a character, and the emptiest
list in JSON, two characters, is an object of 56 bytes."""


class RichCollector:
    """Collects the rich outputs of one cell; what finds no room is left out."""

    def __init__(self) -> None:
        self.outputs: list[RichOutput] = []
        self.truncated = False
        self._room = MEMORY

    def feed(self, header: dict[str, Any], body: bytes) -> RichOutput | None:
        """Take a ``display`` frame of the guest; ``None`` if there is no room for it.

        Raises
        ------
        Exception
            It makes no sense.
        """
        metadata = header["metadata"]
        if not isinstance(metadata, dict):
            raise TypeError("metadata is no object")
        forms = list(_forms(header["forms"], body))
        self._room -= 1024 + len(json.dumps(metadata)) * _WEIGHTS["json"]
        self._room -= sum(len(part) * _WEIGHTS[kind] for _, kind, part in forms)
        if self._room < 0 or len(self.outputs) >= MOST:
            self.truncated = True
            return None
        data = {mime: _decode(kind, part) for mime, kind, part in forms}
        output = RichOutput(data, cast("dict[str, Any]", metadata))
        self.outputs.append(output)
        return output


def _forms(described: Any, body: bytes) -> Iterator[tuple[str, str, bytes]]:
    start = 0
    for mime, kind, size in described:
        if not isinstance(mime, str) or not isinstance(size, int) or size < 0:
            raise TypeError("not a form of a value")
        yield mime, kind, body[start : start + size]
        start += size
    if start != len(body):
        raise ValueError("not the forms of a value")


def _decode(kind: str, part: bytes) -> Any:
    match kind:
        case "binary":
            return base64.b64encode(part).decode()
        case "json":
            return json.loads(part)
        case _:
            return part.decode("utf-8", "replace")

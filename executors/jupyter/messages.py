"""Messages of the Jupyter protocol, as a hostile kernel may send them.

The signature of a message proves nothing here: the code in a kernel can read its key. So what
arrives is bounded in size, count and depth and taken only in the shape the protocol gives it
("Messaging in Jupyter" in the documentation of jupyter_client); the rest is counted and dropped.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from ...sandbox.intake import LeftOut
from ...sandbox.intake.json_values import read_object

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_MESSAGE = 256 << 20
"""Bytes of a message that libzmq takes in; for a larger one it drops the connection."""
MAX_CONTENT = 16 << 20
"""Bytes of content that are parsed."""
MAX_MEMORY = 64 << 20
"""Bytes that the content may take once it is parsed."""
MAX_HEADER = 64 << 10
MAX_DEPTH = 50
"""Levels of nested values."""
MAX_FORMS = 32
"""Forms in which one value may be displayed."""
KEPT_OF_STREAM = 4 << 20
"""Bytes of an over-long piece of printed text that are kept from each end."""

DELIMITER = b"<IDS|MSG>"
_LONG_STREAM = re.compile(rb'\{\s*"name":\s*"(stdout|stderr)",\s*"text":\s*"')
_CUT = "\n[… {:,} bytes dropped …]\n"


@dataclass(frozen=True, slots=True)
class Message:
    """One message: ``parent`` is the id of the request it belongs to."""

    kind: str
    parent: str
    content: dict[str, Any]


class Malformed(ValueError):
    """What arrived is no message, or more than is taken."""


def parse(frames: Sequence[Any]) -> Message:
    """The message in ``frames`` (of bytes, or memoryviews of them).

    Raises
    ------
    Malformed
        It is none.
    """
    parts = _after_delimiter(frames)
    kind = _object(parts[1], MAX_HEADER).get("msg_type")
    if not isinstance(kind, str):
        raise Malformed("a message without a type")
    if len(parts[2]) > MAX_HEADER:
        raise Malformed(f"a parent header of {len(parts[2]):,} bytes")
    request = _request(bytes(parts[2]))
    try:
        return Message(kind, request, _object(parts[4], MAX_CONTENT))
    except Malformed:
        if kind != "stream":
            raise
        return Message(kind, request, long_stream(parts[4]))


@lru_cache(maxsize=4)
def _request(parent: bytes) -> str:
    """The id in a parent header: thousands of messages have the same."""
    request = _object(parent, MAX_HEADER).get("msg_id", "")
    if not isinstance(request, str):
        raise Malformed("the id of the request is no text")
    return request


def parse_websocket(text: str | bytes) -> Message:
    """The message in a frame of a WebSocket (``v1`` of the protocol: one JSON text).

    Raises
    ------
    Malformed
        It is none.
    """
    whole = _object(text.encode() if isinstance(text, str) else text, 2 * MAX_CONTENT)
    header, parent, content = (whole.get(key) for key in ("header", "parent_header", "content"))
    kind = text_of(cast("Any", header), "msg_type") if isinstance(header, dict) else ""
    if not kind or not isinstance(content, dict):
        raise Malformed("a message without a type")
    request = text_of(cast("Any", parent), "msg_id") if isinstance(parent, dict) else ""
    return Message(kind, request, cast("dict[str, Any]", content))


def _after_delimiter(frames: Sequence[Any]) -> Sequence[Any]:
    """Signature, header, parent header, metadata, content."""
    for index, frame in enumerate(frames[:8]):
        if frame == DELIMITER:
            parts = frames[index + 1 :]
            if len(parts) >= 5:
                return parts
            break
    raise Malformed("no message of the Jupyter protocol")


def _object(frame: Any, limit: int) -> dict[str, Any]:
    # Kernels of Python write what only Python reads: NaN, halves of pairs of surrogates.
    content = read_object(
        bytes(frame),
        most_bytes=limit,
        most_memory=MAX_MEMORY,
        deepest=MAX_DEPTH,
        of_python=True,
    )
    if isinstance(content, LeftOut):
        raise Malformed(content.why)
    return content


def long_stream(frame: Any) -> dict[str, Any]:
    """Head and tail of the text of a message that is too large to be read as JSON.

    Raises
    ------
    Malformed
        It is not written as kernels write it.
    """
    data = bytes(frame)
    start = _LONG_STREAM.match(data)
    if start is None:
        raise Malformed(f"{len(data):,} bytes in one message")
    end = len(data.rstrip().rstrip(b"}").rstrip()) - 1  # at the quote that ends the text
    name, dropped = start[1].decode(), end - start.end() - 2 * KEPT_OF_STREAM
    if dropped <= 0:
        return {"name": name, "text": _unescape(data[start.end() : end])}
    head = _unescape(data[start.end() : start.end() + KEPT_OF_STREAM])
    tail = _unescape(data[end - KEPT_OF_STREAM : end])
    return {"name": name, "text": head + _CUT.format(dropped) + tail}


def _unescape(piece: bytes) -> str:
    """Part of a JSON string, cut anywhere: what the cut spoilt at either end is left out."""
    text = piece.decode("utf-8", "ignore")
    for cut in range(13):  # as long as a surrogate pair of two escapes is
        for start in range(13):
            part = text[start : len(text) - cut]
            try:
                return str(json.loads(f'"{part}"', strict=False))
            except ValueError:
                continue
    raise Malformed("no JSON string")


def text_of(content: dict[str, Any], key: str) -> str:
    """A text, or nothing."""
    value = content.get(key)
    return value if isinstance(value, str) else ""


def lines_of(content: dict[str, Any], key: str) -> list[str]:
    """A list of texts, as far as it is one."""
    value = content.get(key)
    lines = cast("list[object]", value) if isinstance(value, list) else []
    return [line for line in lines[:1000] if isinstance(line, str)]


def dicts_of(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of objects, as far as it is one."""
    value = content.get(key)
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in items[:100] if isinstance(item, dict)]


def forms_of(content: dict[str, Any]) -> dict[str, Any]:
    """The forms of a displayed value by MIME type; texts are one string, not a list of lines."""
    data = content.get("data")
    if not isinstance(data, dict):
        return {}
    forms: dict[str, Any] = {}
    for kind, form in list(cast("dict[str, Any]", data).items())[:MAX_FORMS]:
        if not _is_json(kind) and isinstance(form, list):
            form = "".join(part for part in cast("list[object]", form) if isinstance(part, str))
        if _is_json(kind) or isinstance(form, str):
            forms[kind] = form
    return forms


def _is_json(kind: str) -> bool:
    return kind.startswith("application/") and kind.endswith("json")

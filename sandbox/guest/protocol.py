"""Frames between host and guest, over a stream socket.

A frame is a JSON object and an attachment of raw bytes::

    4 bytes  length of the header, big endian
    4 bytes  length of the body, big endian
    header   a JSON object in UTF-8
    body     any bytes

Nothing is ever unpickled. Whoever reads takes the other side for hostile: lengths are checked
before anything is kept, and what is not a JSON object ends the conversation.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Iterator, cast

MAX_HEADER = 1 << 20
MAX_BODY = 64 << 20

Frame = tuple[dict[str, Any], bytes]

_LENGTHS = struct.Struct(">II")
_dump = json.JSONEncoder(separators=(",", ":")).encode


class ProtocolError(Exception):
    """The other side does not keep to the protocol; the connection is of no more use."""


def encode(header: dict[str, Any], body: bytes = b"") -> bytes:
    """The bytes of one frame.

    Raises
    ------
    ProtocolError
        It would be larger than any reader takes.
    """
    text = _dump(header).encode()
    _check_lengths(len(text), len(body))
    return _LENGTHS.pack(len(text), len(body)) + text + body


class Decoder:
    """Takes bytes as they arrive and gives whole frames; does no input or output itself."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes; yield each frame they complete.

        Raises
        ------
        ProtocolError
            A frame is too large or its header is not a JSON object.
        """
        self._buffer += data
        while len(self._buffer) >= _LENGTHS.size:
            header_size, body_size = _LENGTHS.unpack_from(self._buffer)
            _check_lengths(header_size, body_size)
            start = _LENGTHS.size
            end = start + header_size + body_size
            if len(self._buffer) < end:
                return
            header = bytes(self._buffer[start : start + header_size])
            body = bytes(self._buffer[start + header_size : end])
            del self._buffer[:end]
            yield _parse(header), body


def _check_lengths(header_size: int, body_size: int) -> None:
    if header_size > MAX_HEADER or body_size > MAX_BODY:
        raise ProtocolError(f"frame of {header_size} + {body_size} bytes is too large")


def _parse(header: bytes) -> dict[str, Any]:
    try:
        value: Any = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("header is not JSON") from error
    if not isinstance(value, dict):
        raise ProtocolError("header is not a JSON object")
    return cast("dict[str, Any]", value)

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

import io
import json
import struct
from typing import Any, Callable, Iterator, cast

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


def parse(header: bytes, body_size: int) -> dict[str, Any]:
    """The header of a frame: any JSON object.

    Raises
    ------
    ProtocolError
        It is none.
    """
    try:
        value: Any = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("header is not JSON") from error
    if not isinstance(value, dict):
        raise ProtocolError("header is not a JSON object")
    return cast("dict[str, Any]", value)


class Decoder:
    """Takes bytes as they arrive and gives whole frames; does no input or output itself.

    ``parse`` is called with a header and how long the body will be, before any of that is kept.
    """

    def __init__(self, parse: Callable[[bytes, int], dict[str, Any]] = parse) -> None:
        self._parse = parse
        self._buffer = bytearray()
        self._header: dict[str, Any] | None = None
        self._body = io.BytesIO()  # which gives away what it has without copying it
        self._missing = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes; yield each frame they complete.

        Raises
        ------
        ProtocolError
            A frame is too large or its header is not taken.
        """
        self._buffer += data
        while self._header is not None or self._takes_header():
            part = self._buffer[: self._missing]
            self._body.write(part)
            self._missing -= len(part)
            del self._buffer[: len(part)]
            if self._missing:
                return
            frame = cast("dict[str, Any]", self._header), self._body.getvalue()
            self._header, self._body = None, io.BytesIO()
            yield frame

    def _takes_header(self) -> bool:
        """True when the next header was there as a whole, and was taken."""
        start = _LENGTHS.size
        if len(self._buffer) < start:
            return False
        header_size, body_size = _LENGTHS.unpack_from(self._buffer)
        _check_lengths(header_size, body_size)
        if len(self._buffer) < start + header_size:
            return False
        self._header = self._parse(bytes(self._buffer[start : start + header_size]), body_size)
        self._missing = body_size
        del self._buffer[: start + header_size]
        return True


def _check_lengths(header_size: int, body_size: int) -> None:
    if header_size > MAX_HEADER or body_size > MAX_BODY:
        raise ProtocolError(f"frame of {header_size} + {body_size} bytes is too large")

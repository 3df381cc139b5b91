"""What pyarrow does not tell of the messages of an Arrow stream before it reads them.

Messages are FlatBuffers; the numbers are those of format/Message.fbs and Schema.fbs of Arrow.
"""

from __future__ import annotations

import struct
from typing import Literal

_TYPE, _HEADER = 1, 2
_DICTIONARY_BATCH, _DATA, _DELTA = 2, 1, 2
_NODES, _COMPRESSION = 1, 3
_ENDIANNESS = 0


def is_compressed(message: bytes) -> bool:
    """Whether the buffers of a batch are compressed.

    Raises
    ------
    struct.error, ValueError
        This is not a message with a batch.
    """
    batch = _record_batch(message)
    return batch is not None and _field(message, batch, _COMPRESSION) is not None


def arrays_of(message: bytes) -> int:
    """How many arrays there are in a batch, with all that are in others; raises as above."""
    batch = _record_batch(message)
    nodes = None if batch is None else _field(message, batch, _NODES)
    if nodes is None:
        return 1
    (count,) = struct.unpack_from("<I", message, _follow(message, nodes))
    return 1 + int(count)


def byte_order(message: bytes) -> Literal["little", "big"]:
    """That of all numbers of a stream, as the message with its schema says; raises as above."""
    _, schema = _header(message)
    place = _field(message, schema, _ENDIANNESS)
    return "big" if place is not None and any(message[place : place + 2]) else "little"


def is_delta(message: bytes) -> bool:
    """Whether a batch is added to a dictionary, which is copied for it; raises as above."""
    kind, batch = _header(message)
    if kind != _DICTIONARY_BATCH:
        return False
    place = _field(message, batch, _DELTA)
    return place is not None and message[place] != 0


def _record_batch(message: bytes) -> int | None:
    """Where the columns of a batch are described, be it one of a dictionary."""
    kind, batch = _header(message)
    if kind != _DICTIONARY_BATCH:
        return batch
    data = _field(message, batch, _DATA)
    return None if data is None else _follow(message, data)


def _header(message: bytes) -> tuple[int, int]:
    """The kind of a message, and where its schema or batch begins."""
    root = _follow(message, 0)
    kind, header = _field(message, root, _TYPE), _field(message, root, _HEADER)
    if kind is None or header is None:
        raise ValueError("a message says nothing")
    return message[kind], _follow(message, header)


def _follow(message: bytes, place: int) -> int:
    """Where the table begins that is referred to at ``place`` (FlatBuffers internals)."""
    (offset,) = struct.unpack_from("<I", message, place)
    return place + int(offset)


def _field(message: bytes, table: int, number: int) -> int | None:
    """Where a field of a table is, or ``None`` if it is left out; a vtable lists them all."""
    (back,) = struct.unpack_from("<i", message, table)
    vtable, slot = table - back, 4 + 2 * number
    if not 0 <= vtable < len(message):
        raise ValueError("a message leads outside of itself")
    (size,) = struct.unpack_from("<H", message, vtable)
    if slot >= size:
        return None
    (offset,) = struct.unpack_from("<H", message, vtable + slot)
    if table + offset >= len(message):
        raise ValueError("a message leads outside of itself")
    return table + int(offset) if offset else None

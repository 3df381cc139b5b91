"""Tables in the stream format of Apache Arrow IPC: written, and read with suspicion."""

from __future__ import annotations

import importlib
import struct
from typing import Any

from .errors import MissingExtra, UsageError

_MOST_CELLS = 10_000_000
"""Nulls take no room in a stream: of more cells than this there must be bytes."""
_TYPE, _HEADER = 1, 2
_DICTIONARY_BATCH, _DATA = 2, 1
_COMPRESSION = 3
"""Numbers of the fields of Message, DictionaryBatch and RecordBatch in format/Message.fbs of
Arrow, and of the second among the kinds of messages."""


def read(data: bytes) -> Any:
    """The ``pyarrow.Table`` in bytes that a guest has made.

    Raises
    ------
    UsageError
        These bytes are no table, or one that grows when it is read.
    MissingExtra
        pyarrow is not installed.
    """
    pyarrow = _pyarrow()
    try:
        for message in pyarrow.ipc.MessageReader.open_stream(data):
            if message.type != "schema" and _is_compressed(bytes(message.metadata)):
                raise ValueError("it is compressed, and may have any size")
        with pyarrow.ipc.open_stream(data) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pyarrow.ArrowException, OSError, ValueError, struct.error) as error:
        raise UsageError(f"The cell's value is no table: {error}.") from error
    cells = table.num_rows * max(table.num_columns, 1)
    if cells > max(8 * len(data), _MOST_CELLS):
        raise UsageError(f"The cell's value is no table: {cells:,} cells of nothing.")
    return table


def write(name: str, value: Any) -> bytes:
    """The bytes of a table of pandas, polars or pyarrow, called ``name``.

    Raises
    ------
    UsageError
        It has columns that Arrow does not know.
    MissingExtra
        pyarrow is not installed.
    """
    pyarrow = _pyarrow()
    try:
        if hasattr(value, "__arrow_c_stream__"):
            table = pyarrow.table(value)
        else:
            table = pyarrow.Table.from_pandas(value)
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        raise UsageError(f"{name}: this table cannot be handed to a cell ({error}).") from error
    return bytes(sink.getvalue())


def _pyarrow() -> Any:
    try:
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise MissingExtra("arrow", "pyarrow") from error


def _is_compressed(message: bytes) -> bool:
    """Whether the buffers of a batch are compressed, which pyarrow does not tell before it reads.

    Raises
    ------
    struct.error, ValueError
        This is not a message with a batch.
    """
    root = _follow(message, 0)
    kind, header = _field(message, root, _TYPE), _field(message, root, _HEADER)
    if kind is None or header is None:
        raise ValueError("a message says nothing")
    batch = _follow(message, header)
    if message[kind] == _DICTIONARY_BATCH:
        data = _field(message, batch, _DATA)
        if data is None:
            return False
        batch = _follow(message, data)
    return _field(message, batch, _COMPRESSION) is not None


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

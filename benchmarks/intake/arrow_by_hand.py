"""Arrow files that no library writes: made by one, and then changed in their FlatBuffers."""

from __future__ import annotations

import importlib
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE = 1 << 30
_ROWS = 1 << 20
_COLUMNS = 200
_MARK = 0xFFFFFFFF
"""What messages begin with, before their length."""
_HEADER, _BODY_LENGTH = 2, 3
_ENDIANNESS, _NODES, _BUFFERS, _LENGTH = 0, 1, 2, 0


def _pa() -> Any:
    return importlib.import_module("pyarrow")


def _written(batches: list[Any], custom: dict[str, str] | None = None, **options: Any) -> bytes:
    pa = _pa()
    sink = pa.BufferOutputStream()
    options = {"options": pa.ipc.IpcWriteOptions(**options)}
    with pa.ipc.new_stream(sink, batches[0].schema, **options) as writer:
        for batch in batches:
            writer.write_batch(batch, custom_metadata=custom)
    return bytes(sink.getvalue())


def compressed_by_the_words_of_an_old_version() -> bytes:
    """Before version 5 it was said in metadata of the message that a batch is compressed."""
    pa = _pa()
    packed = pa.Codec("zstd").compress(bytes(_SIZE), asbytes=True)
    column = pa.array(list(struct.pack("<q", _SIZE) + packed), pa.uint8())
    return _written(
        [pa.RecordBatch.from_arrays([column], ["a"])],
        {"ARROW:experimental_compression": "zstd"},
        metadata_version=pa.ipc.MetadataVersion.V4,
    )


def columns_of_another_byte_order() -> bytes:
    """All of them share one buffer, until its bytes are swapped for each."""
    pa = _pa()
    # The names hold a number 1, which the schema is made to point to for its byte order.
    names = [f"\1\0\1\0{number}" for number in range(_COLUMNS)]
    batch = pa.RecordBatch.from_arrays([pa.array([1], pa.int64())] * _COLUMNS, names)
    schema, rows = _messages(_written([batch]))
    _point_byte_order_at_one(schema)
    place = _table(rows, _HEADER)
    struct.pack_into("<q", rows, _field(rows, place, _LENGTH), _ROWS)
    for at in _structs(rows, place, _NODES):
        struct.pack_into("<qq", rows, at, _ROWS, 0)
    for number, at in enumerate(_structs(rows, place, _BUFFERS)):
        struct.pack_into("<qq", rows, at, 0, 8 * _ROWS * (number % 2))
    struct.pack_into("<q", rows, _field(rows, _follow(rows, 0), _BODY_LENGTH), 8 * _ROWS)
    return _message(schema) + _message(rows) + bytes(8 * _ROWS) + struct.pack("<II", _MARK, 0)


def many_batches_of_one_dictionary() -> bytes:
    """Whoever looks at all of it for each batch takes time by the square."""
    pa = _pa()
    texts = pa.array([""] * 1_000_000)
    column = pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), texts)
    return _written([pa.RecordBatch.from_arrays([column], ["a"])] * 5_000)


def many_batches_of_many_columns() -> bytes:
    pa = _pa()
    count = 19_000
    names = [str(number) for number in range(count)]
    return _written([pa.RecordBatch.from_arrays([pa.nulls(1)] * count, names)] * 45)


FILES: dict[str, Callable[[], bytes]] = {
    made.__name__.replace("_", " "): made
    for made in (
        compressed_by_the_words_of_an_old_version,
        columns_of_another_byte_order,
        many_batches_of_one_dictionary,
        many_batches_of_many_columns,
    )
}


# --- FlatBuffers ---


def _messages(data: bytes) -> list[bytearray]:
    """What describes each message, without its body."""
    found: list[bytearray] = []
    place = 0
    while (size := struct.unpack_from("<II", data, place)[1]) != 0:
        message = bytearray(data[place + 8 : place + 8 + size])
        length = _field(message, _follow(message, 0), _BODY_LENGTH)
        body = struct.unpack_from("<q", message, length)[0] if length else 0
        found.append(message)
        place += 8 + size + body
    return found


def _message(described: bytearray) -> bytes:
    return struct.pack("<II", _MARK, len(described)) + described


def _follow(message: bytearray, place: int) -> int:
    return place + int(struct.unpack_from("<I", message, place)[0])


def _vtable(message: bytearray, table: int) -> int:
    return table - int(struct.unpack_from("<i", message, table)[0])


def _field(message: bytearray, table: int, number: int) -> int:
    """Where a field is; 0 if it is left out."""
    vtable = _vtable(message, table)
    (size,) = struct.unpack_from("<H", message, vtable)
    if 4 + 2 * number >= size:
        return 0
    (offset,) = struct.unpack_from("<H", message, vtable + 4 + 2 * number)
    return table + int(offset) if offset else 0


def _table(message: bytearray, number: int) -> int:
    return _follow(message, _field(message, _follow(message, 0), number))


def _structs(message: bytearray, table: int, number: int) -> list[int]:
    """Where the items of a list are, of 16 bytes each."""
    place = _follow(message, _field(message, table, number))
    (count,) = struct.unpack_from("<I", message, place)
    return [place + 4 + 16 * item for item in range(count)]


def _point_byte_order_at_one(message: bytearray) -> None:
    table = _table(message, _HEADER)
    one = next(
        place
        for place in range(table + 4, len(message), 2)
        if bytes(message[place : place + 2]) == b"\1\0"
    )
    slot = _vtable(message, table) + 4 + 2 * _ENDIANNESS
    struct.pack_into("<H", message, slot, one - table)

"""Tables in the stream format of Apache Arrow IPC that a guest made."""

from __future__ import annotations

import re
import sys
from typing import Any

from ..arrow import pyarrow
from .arrow_weight import weigh
from .flatbuffers import arrays_of, byte_order, is_compressed, is_delta
from .left_out import LeftOut
from .pandas_metadata import rewritten

MOST_BYTES = 64 << 20
_ALWAYS = 24 << 20
_MULTIPLE = 64
"""Bytes that a table may take as objects: so many, or that multiple of its own. A truth value has
one bit there and a pointer here."""
_ROW = 256
"""Bytes of a row as a dict, besides its cells."""
_MOST_SCHEMA = 1 << 20
_MOST_FIELDS = 20_000
_MOST_ARRAYS = 100_000
"""Columns times batches, with all that is in them: each takes time and memory, with nothing in it
too."""
_EXTENSION = b"ARROW:extension:name"
_ZONE = re.compile(r"[A-Za-z0-9_+\-:]{1,40}(/[A-Za-z0-9_+\-]{1,40}){0,3}")
_PANDAS = b"pandas"


def read_table(data: bytes) -> Any:
    """The ``pyarrow.Table``, or :class:`LeftOut`.

    It refers to ``data``. What it takes more when it is made into objects of pandas or Python is
    a multiple of that as objects are, or 24 MiB; and of its metadata there is only what pandas
    needs, written anew.

    Raises
    ------
    MissingExtra
        pyarrow is not installed.
    """
    arrow = pyarrow()
    if len(data) > MOST_BYTES:
        return LeftOut(f"it has more than {MOST_BYTES:,} bytes")
    try:
        _check_messages(arrow, data)
        with arrow.ipc.open_stream(data) as reader:
            table = reader.read_all()
        table.validate()
        _check_weight(table, len(data))
        table.validate(full=True)
        return _with_harmless_metadata(table)
    except Exception as error:  # whatever pyarrow makes of what nobody would write
        return LeftOut(" ".join(str(error).split())[:300] or "it is damaged")


def _check_messages(arrow: Any, data: bytes) -> None:
    """Look at what reading would have to do, without doing it.

    Raises
    ------
    ValueError, struct.error, ArrowException
        It would take memory or time by more than its bytes, or run code.
    """
    arrays = 0
    for message in arrow.ipc.MessageReader.open_stream(data):
        metadata = bytes(message.metadata)
        if message.metadata_version != arrow.ipc.MetadataVersion.V5:
            raise ValueError("it is of an old version, which compresses by other words")
        if message.type == "schema":
            _check_schema(arrow, message, metadata)
            continue
        arrays += arrays_of(metadata)
        if arrays > _MOST_ARRAYS:
            raise ValueError(f"its columns come in more than {_MOST_ARRAYS:,} parts")
        if is_compressed(metadata):
            raise ValueError("it is compressed, and may have any size")
        if is_delta(metadata):
            raise ValueError("it adds to a dictionary, which would be copied each time")


def _check_schema(arrow: Any, message: Any, metadata: bytes) -> None:
    if len(metadata) > _MOST_SCHEMA:
        raise ValueError(f"its schema has more than {_MOST_SCHEMA:,} bytes")
    if byte_order(metadata) != sys.byteorder:
        raise ValueError("it has another byte order, and would be copied column by column")
    if _EXTENSION in metadata:  # reading it would already call whoever is registered for the name
        raise ValueError("it has a column of an extension type, which is code; convert it before")
    waiting = [field.type for field in arrow.ipc.read_schema(message)]
    count = 0
    while waiting:
        kind = waiting.pop()
        count += 1
        zone = kind.tz if arrow.types.is_timestamp(kind) else None
        if zone is not None and not _ZONE.fullmatch(zone):
            raise ValueError("it has a time zone of no known name")
        if arrow.types.is_dictionary(kind):
            waiting.append(kind.value_type)
        waiting += [kind.field(i).type for i in range(kind.num_fields)]
        if count + len(waiting) > _MOST_FIELDS:
            raise ValueError(f"it has more than {_MOST_FIELDS:,} columns")


def _check_weight(table: Any, size: int) -> None:
    if table.num_rows > max(_ALWAYS // _ROW, 8 * size):
        raise ValueError(f"{table.num_rows:,} rows of nothing")
    weight, most = 0, max(_ALWAYS, _MULTIPLE * size)
    for column in table.columns:
        for chunk in column.chunks:
            weight += weigh(chunk)  # which takes time by what it finds
            if weight > most:
                raise ValueError(f"{size:,} bytes that would take {weight:,} in memory, or more")


def _with_harmless_metadata(table: Any) -> Any:
    metadata: dict[bytes, bytes] = table.schema.metadata or {}
    told = metadata.get(_PANDAS)
    clean = None if told is None else rewritten(told, table.column_names, table.num_rows)
    return table.replace_schema_metadata(None if clean is None else {_PANDAS: clean})

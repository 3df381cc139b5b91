"""Arrow files of few bytes that become much when they are read or used.

``python -m sandcrew.benchmarks.intake.arrow_files NAME`` is one of them: by how much the process
grew.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import struct
import sys
from typing import TYPE_CHECKING, Any

from ...sandbox.values import Table
from ..growth import measure
from . import arrow_by_hand

if TYPE_CHECKING:
    from collections.abc import Callable

_ROWS = 9_000_000
_VIEWS = 4_000


def _pa() -> Any:
    return importlib.import_module("pyarrow")


def stream(column: Any, metadata: dict[bytes, bytes] | None = None) -> bytes:
    """A table with this one column, called ``a``."""
    return stream_of({"a": column}, metadata)


def stream_of(columns: dict[str, Any], metadata: dict[bytes, bytes] | None = None) -> bytes:
    """A table in one batch."""
    pa = _pa()
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    batch = batch.replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def structs_of_nulls() -> bytes:
    nulls = [_pa().nulls(_ROWS)] * 8
    return stream(_pa().StructArray.from_arrays(nulls, names=list("abcdefgh")))


def lists_of_nulls() -> bytes:
    pa = _pa()
    return stream(pa.FixedSizeListArray.from_arrays(pa.nulls(_ROWS * 10), 1_000))


def lists_of_lists_of_nulls() -> bytes:
    pa = _pa()
    inner = pa.FixedSizeListArray.from_arrays(pa.nulls(_ROWS * 10), 1_000)
    return stream(pa.FixedSizeListArray.from_arrays(inner, 300))


def one_list_of_nulls() -> bytes:
    pa = _pa()
    return stream(
        pa.ListArray.from_arrays(pa.array([0, _ROWS * 10], pa.int32()), pa.nulls(_ROWS * 10))
    )


def nulls() -> bytes:
    return stream(_pa().nulls(_ROWS * 10))


def structs_without_fields() -> bytes:
    pa = _pa()
    return stream(pa.Array.from_buffers(pa.struct([]), _ROWS, [None]))


def binaries_without_bytes() -> bytes:
    pa = _pa()
    return stream(pa.Array.from_buffers(pa.binary(0), _ROWS, [None, pa.py_buffer(b"")]))


def runs() -> bytes:
    pa = _pa()
    ends = pa.array([_ROWS * 10], pa.int32())
    return stream(pa.RunEndEncodedArray.from_arrays(ends, pa.array(["long" * 10])))


def structs_of_runs() -> bytes:
    pa = _pa()
    ends = pa.array([_ROWS], pa.int32())
    inner = pa.RunEndEncodedArray.from_arrays(ends, pa.array([1]))
    return stream(pa.StructArray.from_arrays([inner], names=["a"]))


def list_views() -> bytes:
    """Each has all of the values."""
    pa = _pa()
    zeros, sizes = pa.array([0] * _VIEWS, pa.int32()), pa.array([20_000] * _VIEWS, pa.int32())
    return stream(pa.ListViewArray.from_arrays(zeros, sizes, pa.nulls(20_000)))


def text_views() -> bytes:
    """Each has all of the text; a view is length, prefix, number of the buffer, offset."""
    pa = _pa()
    text = b"x" * 20_000
    view = struct.pack("<i4sii", len(text), text[:4], 0, 0)
    buffers = [None, pa.py_buffer(view * _VIEWS), pa.py_buffer(text)]
    return stream(pa.Array.from_buffers(pa.string_view(), _VIEWS, buffers))


def codes_of_a_long_text() -> bytes:
    pa = _pa()
    codes = pa.array([0] * _VIEWS, pa.int8())
    return stream(pa.DictionaryArray.from_arrays(codes, pa.array(["x" * 20_000])))


def codes_of_a_long_list() -> bytes:
    pa = _pa()
    codes = pa.array([0] * _VIEWS, pa.int8())
    return stream(
        pa.DictionaryArray.from_arrays(codes, pa.array([[1] * 20_000], pa.list_(pa.int8())))
    )


def unions_of_one_value() -> bytes:
    pa = _pa()
    kinds, places = pa.array([0] * _VIEWS, pa.int8()), pa.array([0] * _VIEWS, pa.int32())
    return stream(pa.UnionArray.from_dense(kinds, places, [pa.array(["x" * 20_000])]))


def long_names_of_fields() -> bytes:
    pa = _pa()
    return stream(pa.StructArray.from_arrays([pa.nulls(90_000)], names=["x" * 10_000]))


def rows_without_columns() -> bytes:
    """Only a file says how many rows there are if nothing is in them."""
    pa = _pa()
    data = stream(pa.nulls(0x01234567))
    return data.replace((0x01234567).to_bytes(8, "little"), (1 << 40).to_bytes(8, "little"))


def wide_index_of_pandas() -> bytes:
    """A type of 2 GB for each name of a column."""
    return stream(_pa().array([1]), _pandas({"pandas_type": "unicode", "numpy_type": "U500000000"}))


def wide_names_of_pandas() -> bytes:
    return stream(_pa().array([1]), _pandas({"pandas_type": "S2000000000", "numpy_type": "object"}))


def _pandas(level: dict[str, Any]) -> dict[bytes, bytes]:
    column = {"name": "a", "field_name": "a", "pandas_type": "int64", "numpy_type": "int64"}
    told = {
        "index_columns": [],
        "columns": [{**column, "metadata": None}],
        "column_indexes": [{"name": None, "field_name": None, "metadata": None, **level}],
        "pandas_version": "2.2.0",
    }
    return {b"pandas": json.dumps(told).encode()}


FILES: dict[str, Callable[[], bytes]] = {
    made.__name__.replace("_", " "): made
    for made in (
        structs_of_nulls,
        lists_of_nulls,
        lists_of_lists_of_nulls,
        one_list_of_nulls,
        nulls,
        structs_without_fields,
        binaries_without_bytes,
        runs,
        structs_of_runs,
        list_views,
        text_views,
        codes_of_a_long_text,
        codes_of_a_long_list,
        unions_of_one_value,
        long_names_of_fields,
        rows_without_columns,
        wide_index_of_pandas,
        wide_names_of_pandas,
    )
} | arrow_by_hand.FILES


def main(name: str) -> None:
    """Be a host that reads this file, and makes of it what can be made."""
    data = FILES[name]()
    Table(stream(_pa().array(["x"]))).to_pandas()  # what is loaded for it is no growth
    print(measure(lambda: _use(data)).bytes)


def _use(data: bytes) -> None:
    with contextlib.suppress(Exception):
        table = Table(data).to_arrow()
        for make in (table.to_pandas, table.to_pylist, table.to_pydict):
            with contextlib.suppress(Exception):
                make()


if __name__ == "__main__":
    main(sys.argv[1])

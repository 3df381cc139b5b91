"""The reader of tables: any bytes give a table that does not grow when it is used, or LeftOut."""

from __future__ import annotations

import contextlib
import functools
import importlib
from typing import TYPE_CHECKING, Any

from ...sandbox.intake import LeftOut
from ...sandbox.intake.arrow import read_table
from ..intake.arrow_files import stream_of
from .target import FuzzTarget

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_Input = tuple[int, list[tuple[int, int]]]


@functools.cache
def _seeds() -> list[bytes]:
    """Small tables of all types."""
    pa: Any = importlib.import_module("pyarrow")
    two = [0, 2]
    columns: dict[str, Any] = {
        "number": pa.array([1, None]),
        "text": pa.array(["x", "yy"]),
        "view": pa.array(["x" * 20, ""], pa.string_view()),
        "list": pa.array([[1], [2, 3]]),
        "fixed": pa.FixedSizeListArray.from_arrays(pa.nulls(4), 2),
        "list view": pa.array([[1], [2]], pa.list_view(pa.int8())),
        "object": pa.array([{"a": 1}, None]),
        "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int8())),
        "code": pa.array(["x", "y"]).dictionary_encode(),
        "run": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), ["x"]),
        "union": pa.UnionArray.from_dense(
            pa.array([0, 0], pa.int8()), pa.array([0, 1], pa.int32()), [pa.array(two)]
        ),
        "sparse": pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [pa.array(two)]),
        "null": pa.nulls(2),
    }
    table = pa.table({"text": columns["text"]})
    frame = pa.Table.from_pandas(table.to_pandas()).schema.metadata
    return [stream_of({name: column}, frame) for name, column in columns.items()]


def _changes() -> SearchStrategy[_Input]:
    from hypothesis import strategies as st

    seeds = _seeds()
    change = st.tuples(st.integers(0, 4000), st.integers(0, 255))
    return st.tuples(st.integers(0, len(seeds) - 1), st.lists(change, max_size=6))


def _read(given: _Input) -> None:
    number, changes = given
    data = bytearray(_seeds()[number])
    for place, byte in changes:
        data[place % len(data)] = byte
    table = read_table(bytes(data))
    if isinstance(table, LeftOut):
        return
    for make in (table.to_pylist, table.to_pandas):
        with contextlib.suppress(Exception):  # types that pandas lacks; the values are what counts
            make()


TARGETS = (FuzzTarget("arrow", _changes, _read),)

"""Tables of a guest: what they take in memory is counted before anything is made of them."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from sandcrew.benchmarks.intake import arrow_files
from sandcrew.sandbox import UsageError
from sandcrew.sandbox.intake import LeftOut
from sandcrew.sandbox.intake.arrow import read_table
from sandcrew.sandbox.values import Table

pa: Any = importlib.import_module("pyarrow")  # which has no types
pd: Any = importlib.import_module("pandas")
pl: Any = importlib.import_module("polars")

MOST = 64 << 20
USE = """
import contextlib, importlib, resource, sys
from sandcrew.benchmarks.growth import measure
from sandcrew.sandbox.values import Table
importlib.import_module("pyarrow").table({"a": ["x"]}).to_pandas()  # what is loaded is no growth
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
data = sys.stdin.buffer.read()
done = []
def use():
    table = Table(data).to_arrow()
    for make in (table.to_pandas, table.to_pylist, table.to_pydict):
        with contextlib.suppress(Exception):
            make()
            done.append(make.__name__)
def attempt():
    with contextlib.suppress(Exception):
        use()
print(measure(attempt).bytes, *done)
"""


def growth(data: bytes) -> tuple[int, list[str]]:
    """By how much a process grows that reads and uses a table, and what it came to."""
    run = [sys.executable, "-c", USE]
    size, *done = subprocess.run(run, input=data, capture_output=True, check=True).stdout.split()
    return int(size), [each.decode() for each in done]


@pytest.mark.parametrize("what", arrow_files.FILES)
def test_few_bytes_stay_few_whatever_is_made_of_them(what: str) -> None:
    assert growth(arrow_files.FILES[what]())[0] <= MOST


FITTING: dict[str, Callable[[], Any]] = {
    "nulls": lambda: pa.nulls(90_000),
    "structs of nulls": lambda: pa.StructArray.from_arrays(
        [pa.nulls(50_000)] * 8, list("abcdefgh")
    ),
    "lists": lambda: pa.FixedSizeListArray.from_arrays(pa.nulls(1_000_000), 100),
    "lists of nothing": lambda: pa.Array.from_buffers(
        pa.list_(pa.null(), 0), 90_000, [None], children=[pa.nulls(0)]
    ),
    "runs": lambda: pa.RunEndEncodedArray.from_arrays(pa.array([90_000], pa.int32()), [1.5]),
}


@pytest.mark.parametrize("what", FITTING)
def test_what_is_just_taken_in_stays_small_too(what: str) -> None:
    grown, done = growth(arrow_files.stream(FITTING[what]()))
    assert "to_pylist" in done
    assert grown <= MOST


HONEST: dict[str, Callable[[], Any]] = {
    "numbers": lambda: pa.array([1, None, 3], pa.int16()),
    "truth": lambda: pa.array([True, None]),
    "texts": lambda: pa.array(["", "é", None]),
    "views of texts": lambda: pa.array(["a" * 50, "b"], pa.string_view()),
    "bytes": lambda: pa.array([b"\0" * 4], pa.binary(4)),
    "lists": lambda: pa.array([[1], [], None, [2, 3]]),
    "views of lists": lambda: pa.array([[1], [2, 3]], pa.list_view(pa.int8())),
    "lists of one size": lambda: pa.array([[1, 2], [3, 4]], pa.list_(pa.int8(), 2)),
    "maps": lambda: pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int8())),
    "objects": lambda: pa.array([{"a": 1, "b": {"c": [None]}}, None]),
    "categories": lambda: pa.array(["x", "y", "x"]).dictionary_encode(),
    "categories of lists": lambda: pa.DictionaryArray.from_arrays([0, 0], pa.array([[1]])),
    "runs": lambda: pa.RunEndEncodedArray.from_arrays([2, 3], ["x", "y"]),
    "unions": lambda: pa.UnionArray.from_dense(
        pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["x"])]
    ),
    "moments": lambda: pa.array([0], pa.timestamp("us", "Europe/Berlin")),
    "decimals": lambda: pa.array([1]).cast(pa.decimal128(25, 2)),
    "nulls": lambda: pa.nulls(3),
    "objects without fields": lambda: pa.array([{}, None, {}]),
    "three million truths": lambda: pa.array([True]).take(pa.array([0] * 3_000_000, pa.int32())),
    "a million truths": lambda: pa.array([True]).take(pa.array([0] * 1_000_000, pa.int32())),
    "a million short objects": lambda: pa.StructArray.from_arrays(
        [pa.array(range(1_000_000)), pa.array(range(1_000_000))], ["x", "y"]
    ),
}


@pytest.mark.parametrize("what", HONEST)
def test_a_column_of_any_type_comes_as_it_is(what: str) -> None:
    column = HONEST[what]()
    table = Table(arrow_files.stream(column)).to_arrow()
    assert table.column("a").combine_chunks().equals(column)


WHY = {
    "compressed by the words of an old version": "an old version",
    "columns of another byte order": "another byte order",
    "many batches of one dictionary": "or more",
    "many batches of many columns": "parts",
}


@pytest.mark.parametrize("what", WHY)
def test_what_no_library_writes_is_refused_before_it_is_read(what: str) -> None:
    taken = read_table(arrow_files.FILES[what]())
    assert isinstance(taken, LeftOut)
    assert WHY[what] in taken.why


def test_a_table_with_text_in_categories_is_no_attack() -> None:
    kinds = pd.Series(["north and east", "south and west"] * 200_000, dtype="category")
    frame = pd.DataFrame(dict.fromkeys("abcde", kinds))
    pd.testing.assert_frame_equal(Table(_of_pandas(frame)).to_pandas(), frame)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_dictionaries_that_grow_batch_by_batch_are_refused(count: int) -> None:
    grown = pa.array(["x"] * count).dictionary_encode()
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.ipc.new_stream(sink, pa.schema({"a": grown.type}), options=options) as writer:
        for texts in (["x"], ["x", "y"]):
            codes = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array(texts))
            writer.write_batch(pa.RecordBatch.from_arrays([codes], ["a"]))
    assert "adds to a dictionary" in read_table(bytes(sink.getvalue())).why


def test_no_code_runs_for_a_type_that_somebody_registered() -> None:
    asked: list[bytes] = []

    class Registered(pa.ExtensionType):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(pa.int64(), "of.somebody")  # pyright: ignore

        def __arrow_ext_serialize__(self) -> bytes:
            return b"cos\nsystem\n"

        @classmethod
        def __arrow_ext_deserialize__(cls, storage: Any, serialized: bytes) -> Any:
            asked.append(serialized)
            return cls()

    column = pa.ExtensionArray.from_storage(Registered(), pa.array([1]))
    data = arrow_files.stream(column)
    nested = arrow_files.stream(pa.ListArray.from_arrays([0, 1], column))
    pa.register_extension_type(Registered())
    try:
        pa.ipc.open_stream(data).read_all()
        assert asked, "the control: whoever reads it calls this"
        asked.clear()
        for hostile in (data, nested):
            with pytest.raises(UsageError, match="extension type"):
                Table(hostile).to_pandas()
        assert not asked
    finally:
        pa.unregister_extension_type("of.somebody")


FRAMES: dict[str, Callable[[], Any]] = {
    "named index": lambda: pd.DataFrame({"a": [1, 2]}, index=pd.Index(["r", "s"], name="i")),
    "range": lambda: pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(5, 9, 2, name="n")),
    "two levels": lambda: pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": [5, 6]}).set_index(
        ["a", "b"]
    ),
    "numbers as names": lambda: pd.DataFrame({0: [1], 10: [2]}),
    "two levels of names": lambda: pd.DataFrame([[1, 2]], columns=[["a", "a"], ["x", "y"]]),
    "missing integers": lambda: pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
    "categories": lambda: pd.DataFrame({"a": pd.Categorical(["x", "y"], ordered=True)}),
    "moments": lambda: pd.DataFrame(
        {"a": pd.to_datetime(["2026-01-01"]).tz_localize("Asia/Tokyo")}
    ),
}


@pytest.mark.parametrize("what", FRAMES)
def test_a_frame_of_pandas_comes_back_as_it_was(what: str) -> None:
    frame = FRAMES[what]()
    back = Table(_of_pandas(frame)).to_pandas()
    pd.testing.assert_frame_equal(back, frame, check_column_type=False)


LIES: dict[str, dict[str, Any]] = {
    "no object": {"index_columns": 5, "columns": "x", "column_indexes": {"a": 1}},
    "columns that are none": {"columns": [1, {"name": []}, {"field_name": "a"}]},
    "an index that is not there": {"index_columns": ["nowhere", "a", "a", 7, {"kind": "range"}]},
    "a range of another length": {
        "index_columns": [{"kind": "range", "name": "x", "start": 0, "stop": 1 << 60, "step": 1}]
    },
    "code as names": {
        "columns": [{"name": "(" * 500, "field_name": "a", "numpy_type": "object"}],
        "column_indexes": [{"name": None}, {"name": None}],
    },
    "attributes": {"attributes": {"a": "b"}},
    "a type of anybody": {
        "columns": [{"name": "a", "field_name": "a", "numpy_type": "interval[int64, right]"}]
    },
    "a zone": {
        "columns": [
            {
                "name": "a", "field_name": "a", "pandas_type": "datetimetz", "numpy_type": "x",
                "metadata": {"timezone": "dateutil//etc/passwd"},
            }
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("what", LIES)
def test_what_metadata_say_of_a_table_does_nothing_else(what: str) -> None:
    told: dict[str, Any] = {"index_columns": [], "columns": [], "column_indexes": [], **LIES[what]}
    data = arrow_files.stream(pa.array([7]), {b"pandas": json.dumps(told).encode(), b"x": b"y"})
    table = Table(data)
    assert table.to_pandas().reset_index().iloc[0, -1] == 7
    assert table.to_pandas().attrs == {}
    assert b"x" not in (table.to_arrow().schema.metadata or {})


def test_a_zone_of_another_library_is_refused() -> None:
    column = pa.array([0], pa.timestamp("s", "dateutil//etc/passwd"))
    assert isinstance(read_table(arrow_files.stream(column)), LeftOut)


def test_polars_reads_what_polars_wrote() -> None:
    frame = pl.DataFrame({"a": ["x" * 40, None], "b": [[1], [2, 3]]})
    sink = pa.BufferOutputStream()
    table = frame.to_arrow()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert pl.from_arrow(Table(bytes(sink.getvalue())).to_arrow()).equals(frame)


def _of_pandas(frame: Any) -> bytes:
    table = pa.Table.from_pandas(frame)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())

"""Values go into cells and come out of them as JSON, bytes and tables, never as a pickle."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sandcrew.sandbox import MissingExtra, Policy, Session, Shown, Table, UsageError
from sandcrew.sandbox import values as host
from sandcrew.sandbox.intake.kept import Kept

pa: Any = importlib.import_module("pyarrow")  # which has no types
pd: Any = importlib.import_module("pandas")
pl: Any = importlib.import_module("polars")

Live = Callable[..., AbstractAsyncContextManager[Session]]


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -(10**40), 1.5, float("inf"), "", "grüße \ud800", [], {},
        {"a": [1, {"b": None}]}, b"", bytes(range(256)), "x" * 1_000_000, list(range(10_000)),
    ],
)  # fmt: skip
async def test_json_and_bytes_go_in_and_come_out_as_they_are(value: Any, live: Live) -> None:
    async with live() as session:
        result = await session.run("x", inputs={"x": value})
    assert result.exit_code == 0, result.stderr
    assert (result.value, type(result.value)) == (value, type(value))


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("(1, (2, 3))", [1, [2, 3]]),
        ("import numpy\nnumpy.float32(0.5)", 0.5),
        ("import numpy\nnumpy.int64(3)", 3),
        ("bytearray(b'x')", b"x"),
        ("import enum\nclass E(enum.IntEnum):\n  A = 1\n[E.A.value]", [1]),
    ],
)
async def test_what_json_can_tell_comes_out(code: str, value: Any, live: Live) -> None:
    async with live() as session:
        assert (await session.run(code)).value == value


@pytest.mark.parametrize(
    "code",
    [
        "object()",
        "{1: 2}",
        "{1, 2}",
        "x = []\nx.append(x)\nx",
        "x = []\nfor _ in range(5000): x = [x]\nx",
        "class L(list): pass\nL([1])",
        "'x' * (5 << 20)",
        "bytes(17 << 20)",
        "[0] * 5_000_000",
        "10 ** 5000",
        "import numpy\nnumpy.zeros(3)",
        "x = []\nfor _ in range(99): x = [x, x]\ntype(x)",
    ],
)
async def test_of_other_values_there_is_how_they_look(code: str, live: Live) -> None:
    async with live() as session:
        result = await session.run(code)
        assert (await session.run("1")).value == 1
    assert result.exit_code in (0, 1)
    if result.exit_code == 0:
        assert isinstance(result.value, Shown)
        assert len(result.value.text) < 2 << 20
        assert repr(result.value) == result.value.text


async def test_a_value_that_is_deeper_than_readers_can_take_is_text(live: Live) -> None:
    nest = "x = []\nfor _ in range({}): x = [x]\nx"
    async with live() as session:
        shallow = (await session.run(nest.format(90))).value
        deep = (await session.run(nest.format(200))).value
    assert isinstance(shallow, list)
    assert isinstance(deep, Shown)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x".__class__, [object()], {"a": b""}])
async def test_an_input_that_cannot_be_handed_over_is_refused(value: Any, live: Live) -> None:
    async with live() as session:
        with pytest.raises(UsageError, match=r"x: .* cannot be handed to a cell"):
            await session.run("x", inputs={"x": value})


async def test_inputs_are_limited_in_all(live: Live) -> None:
    async with live() as session:
        ten = bytes(10 << 20)
        assert (await session.run("len(a + b)", inputs={"a": ten, "b": ten})).value == 20 << 20
        with pytest.raises(UsageError, match="over the limit"):
            await session.run("1", inputs=dict.fromkeys("abcd", ten))


async def test_results_are_plain_json_in_to_dict(live: Live) -> None:
    async with live() as session:
        results = [await session.run(code) for code in ("[1]", "b'x'", "object", "x = 1")]
    told = [json.loads(json.dumps(result.to_dict())) for result in results]
    assert [each["value"] for each in told] == [[1], "eA==", "<class 'object'>", None]
    assert [each["value_kind"] for each in told] == ["json", "base64", "text", "json"]


# --- tables ---


async def test_tables_go_in_and_come_out(live: Live) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=["r", "s"])
    async with live(timeout=50) as session:
        result = await session.run("x", inputs={"x": frame})
        assert isinstance(result.value, Table)
        pd.testing.assert_frame_equal(result.value.to_pandas(), frame)
        again = await session.run("type(x).__module__, len(x)", inputs={"x": result.value})
        assert again.value == ["pandas", 2]
        for table in (pa.table({"a": [1, 2]}), pl.DataFrame({"a": [1, 2]})):
            result = await session.run("x.a.sum(), list(x)", inputs={"x": table})
            assert result.value == [3, ["a"]]
        for code in (
            "import polars\npolars.DataFrame({'a': [5]})",
            "import pyarrow as pa\npa.table({'a': [5]})",
        ):
            result = await session.run(code)
            assert isinstance(result.value, Table)
            assert result.value.to_arrow().to_pydict() == {"a": [5]}
        objects = await session.run("import pandas\npandas.DataFrame({'a': [object()]})")
        assert isinstance(objects.value, Shown)
        large = await session.run("import numpy\npandas.DataFrame({'a': numpy.zeros(3_000_000)})")
        assert isinstance(large.value, Shown)
        assert (await session.run("pandas.Series([1])")).exit_code == 0


async def test_a_table_for_an_interpreter_without_pyarrow_is_an_error_of_the_cell(
    landlock_policy: Policy, live: Live
) -> None:

    async with live(landlock_policy) as session:
        hide = "import sys\nsys.modules['pyarrow'] = None"
        await session.run(hide)
        result = await session.run("x", inputs={"x": pa.table({"a": [1]})})
        assert (result.exit_code, "pyarrow" in result.stderr) == (1, True)
        assert (await session.run("1")).value == 1


def test_without_pyarrow_here_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"sandcrew\[arrow\]"):
        Table(b"").to_arrow()
    with pytest.raises(MissingExtra, match=r"sandcrew\[arrow\]"):
        host.dump("x", pd.DataFrame({"a": [1]}))


def _stream(table: Any, **options: Any) -> bytes:

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, **options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_bytes_that_are_no_table_are_an_error_when_they_are_read_and_not_before() -> None:

    good = _stream(pa.table({"a": ["x", "yy"] * 10}))
    assert Table(good).to_arrow().num_rows == 20  # a control
    for data in (b"", b"junk", good[: len(good) // 2], b"\xff" * 1000):
        value = host.load("arrow", data, Kept())
        assert isinstance(value, Table)
        with pytest.raises(UsageError, match="no table"):
            value.to_arrow()


def test_a_table_with_offsets_that_lead_outside_is_refused() -> None:

    offsets = pa.py_buffer(memoryview(b"".join(i.to_bytes(4, "little") for i in (0, 1 << 20, 4))))
    array = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"abcd"))
    with pytest.raises(UsageError, match="no table"):
        Table(_stream(pa.table({"a": array}))).to_arrow()


def test_tables_that_grow_when_they_are_read_are_refused() -> None:

    rows = pa.RecordBatch.from_arrays([pa.nulls(1 << 30)], names=["a"])
    with pytest.raises(UsageError, match="rows of nothing"):
        Table(_stream(pa.Table.from_batches([rows]))).to_arrow()
    zeros = pa.table({"a": pa.array([0]).take(pa.array([0] * 1_000_000))})
    packed = _stream(zeros, options=pa.ipc.IpcWriteOptions(compression="zstd"))
    with pytest.raises(UsageError, match="compressed"):
        Table(packed).to_arrow()

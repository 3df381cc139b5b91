"""JSON of a guest: a value that anything can be done with, or the reason why there is none."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pytest

from sandcrew.sandbox.intake import LeftOut
from sandcrew.sandbox.intake.json_values import read_json, read_object

REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "no JSON"),
    "half an object": (b'{"a": 1', "no JSON"),
    "more behind it": (b"{} {}", "no JSON"),
    "bytes that are no text": (b'"\xff"', "no JSON"),
    "half a pair of surrogates in UTF-8": (b'"\xed\xa0\x80"', "no JSON"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "no JSON"),
    "NaN": (b"[NaN]", "NaN"),
    "an infinity": (b"-Infinity", "-Infinity"),
    "a number that becomes one": (b"1e999", "too large"),
    "an integer that takes long to read": (b"9" * 5_000, "4,000 digits"),
    "the same, negative, in an object": (b'{"a": -%s}' % (b"9" * 5_000), "4,000 digits"),
    "a key twice": (b'{"a": 1, "a": 2}', "one key twice"),
    "a key twice, spelt differently": (rb'[{"a": 1, "\u0061": 2}]', "one key twice"),
    "101 levels": (b"[" * 101 + b"]" * 101, "100 levels"),
    "a tower of objects": (b'{"a":' * 101 + b"1" + b"}" * 101, "100 levels"),
    "a tower that no reader climbs": (b"[" * 2_000_000, "JSON|memory"),
    "much": (b'"' + b"x" * (4 << 20) + b'"', "4,194,304 bytes"),
    "little that becomes much": (b"[" + b"[]," * 1_300_000 + b"[]]", "memory"),
    "objects that become much": (b"[" + b'{"":0},' * 500_000 + b"0]", "memory"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_could_surprise_a_reader_is_left_out_with_the_reason(what: str) -> None:
    data, why = REFUSED[what]
    value = read_json(data)
    assert isinstance(value, LeftOut)
    assert any(part in value.why for part in why.split("|")), value


@pytest.mark.parametrize(
    "value", [None, True, -1, 0.5, "é\x00\U0001f600", [], {}, {"a": [1, {"b": "c"}]}, "9" * 5_000]
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_what_is_plain_comes_as_it_is(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert read_json(text.encode()) == read_json(text) == value


def test_hundred_levels_and_a_large_table_are_read() -> None:
    tower = json.loads("[" * 100 + "]" * 100)
    assert read_json(json.dumps(tower)) == tower
    rows = [{"id": i, "name": f"row {i}", "share": i / 7} for i in range(30_000)]
    assert read_json(json.dumps(rows)) == rows


def test_what_only_python_writes_comes_to_who_asks_for_it() -> None:
    nan, infinite, half = read_json(json.dumps([math.nan, math.inf, "\ud800"]), of_python=True)
    assert math.isnan(nan)
    assert (infinite, half) == (math.inf, "\ud800")


@pytest.mark.parametrize("text", [r'"\ud800"', r'{"\udfff": ["\ud800 and \ud83d\ude00"]}'])
def test_half_a_pair_of_surrogates_does_not_stay(text: str) -> None:
    with pytest.raises(UnicodeEncodeError):
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    value = read_json(text)
    assert "\ufffd" in json.dumps(value, ensure_ascii=False)
    json.dumps(value, ensure_ascii=False).encode()


def test_text_that_cannot_be_written_is_no_json() -> None:
    assert read_json('"\ud800"') == LeftOut("it is no JSON")


@pytest.mark.parametrize("data", [b"[]", b"1", b'"{}"', b"null", b"{"])
def test_only_an_object_is_an_object(data: bytes) -> None:
    assert isinstance(read_object(data), LeftOut)
    assert read_object(b'{"a": 1}') == {"a": 1}


GROWTH = """
import sys
from sandcrew.benchmarks.growth import measure
from sandcrew.sandbox.intake.json_values import read_json
unit = sys.argv[1].encode()
data = b"[" + unit * ((4 << 20) // len(unit) - 1) + b"0]"
print(measure(lambda: read_json(data)).bytes)
"""


@pytest.mark.parametrize("unit", ["[],", "[0],", '{"":0},', '"ab",', "257,", "1e1,", "[[[[0]]]],"])
def test_no_json_takes_more_memory_than_it_may(unit: str) -> None:
    done = subprocess.run([sys.executable, "-c", GROWTH, unit], capture_output=True, check=True)
    assert int(done.stdout) <= 64 << 20

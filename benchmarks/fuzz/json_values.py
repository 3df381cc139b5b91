"""The reader of JSON: any bytes give a bounded value that can be written again, or LeftOut."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, cast

from ...sandbox.intake import LeftOut
from ...sandbox.intake.json_values import read_json, weigh
from .target import FuzzTarget

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_DEEPEST = 5
_TOKENS = [
    *("[", "]", "{", "}", ",", ":", '"', "\\", "0", "-", "1e999", "NaN", "-Infinity", "true"),
    *('"a":', '"\\ud800"', '"\\ud83d\\ude00"', '"é"', '""', "[[[[[[", "]]]]]]", "9" * 4400, " "),
]


def _texts() -> SearchStrategy[bytes]:
    from hypothesis import strategies as st

    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=12,
    )
    joined = st.lists(st.sampled_from(_TOKENS), max_size=12).map("".join)
    honest = values.map(json.dumps)
    return (joined | honest).map(lambda text: text.encode()) | st.binary(max_size=40)


def _read(data: bytes) -> None:
    for of_python in (True, False):
        value = read_json(data, deepest=_DEEPEST, of_python=of_python)
        if isinstance(value, LeftOut):
            continue
        assert json.dumps(value, allow_nan=of_python)
        if not of_python:
            json.dumps(value, ensure_ascii=False).encode()
        assert _depth(value) <= _DEEPEST
        assert _memory(value) <= weigh(data, 0) + 100, (_memory(value), weigh(data, 0))


def _depth(value: object) -> int:
    deepest = max(map(_depth, _parts(value)), default=-1)
    return 1 + deepest if isinstance(value, dict | list) else 0


def _parts(value: object) -> list[object]:
    """What a list or an object holds, keys apart."""
    if isinstance(value, dict):
        return list(cast("dict[str, object]", value).values())
    return cast("list[object]", value) if isinstance(value, list) else []


def _memory(value: object) -> int:
    size = sys.getsizeof(value) + sum(map(_memory, _parts(value)))
    if isinstance(value, dict):
        size += sum(map(_memory, cast("dict[str, object]", value)))
    return size


TARGETS = (FuzzTarget("json-values", _texts, _read),)

"""The border for frames: any header gives the fields of an operation of the table, or LeftOut."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...sandbox.intake import LeftOut, frames
from .target import FuzzTarget

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_TABLES = {
    "launch": frames.LAUNCH,
    "fork server": frames.FORK_SERVER,
    "session": frames.SESSION,
    "fork": frames.FORK,
    "interpreter": frames.INTERPRETER,
    "arriving": frames.ARRIVING,
}
_OPERATIONS = sorted({name for table in _TABLES.values() for name in table})
_FIELDS = sorted(
    {
        name
        for table in _TABLES.values()
        for operation in table.values()
        for name in (*operation.fields, *operation.optional)
    }
)
_Input = tuple[str, bytes, int]


def _headers() -> SearchStrategy[_Input]:
    from hypothesis import strategies as st

    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    likely = st.integers(0, 3) | st.sampled_from(["json", "none", "memory", "x" * 5000, "\ud800"])
    forms = st.lists(
        st.tuples(st.text(max_size=3), st.sampled_from(["text", "json", "?"]), st.integers(-1, 3))
    )
    values = st.recursive(
        likely | leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
        max_leaves=4,
    )
    fields = st.dictionaries(st.sampled_from(_FIELDS), values | forms, max_size=5)
    names = st.sampled_from(_OPERATIONS) | leaves

    def told_of(op: Any, fds: Any, more: dict[str, Any]) -> dict[str, Any]:
        return {**more, "op": op, "fds": fds}

    told = st.builds(told_of, names, likely, fields)
    headers = told.map(json.dumps).map(str.encode) | st.binary(max_size=20)
    return st.tuples(st.sampled_from(sorted(_TABLES)), headers, st.integers(0, 20))


def _take(given: _Input) -> None:
    name, header, body = given
    table = _TABLES[name]
    taken = frames.take_header(table, header, body)
    if isinstance(taken, LeftOut):
        assert len(taken.why) < 500
        return
    operation = table[taken["op"]]
    assert set(operation.fields) <= set(taken) - {"op", "fds"}
    assert set(taken) <= {"op", "fds", *operation.fields, *operation.optional}
    assert taken["fds"] in operation.descriptors
    assert body <= operation.body
    texts = [value for value in taken.values() if isinstance(value, str)]
    assert all(len(text.encode()) <= 4 * 4096 for text in texts)  # and can be written


TARGETS = (FuzzTarget("frames", _headers, _take),)

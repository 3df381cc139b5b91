"""What the cells of an Arrow array take when they become objects of Python or pandas.

Arrow says much with few bytes: nulls have none at all, lists of a fixed size multiply them, and
views, dictionaries, runs and dense unions name one value many times. So every array is counted
with all that is in it, by the lengths that it has, before anything is made of it.
"""

from __future__ import annotations

import importlib
from typing import Any

_ARRAY = 1000
"""Bytes of an array itself, in C++ and in Python."""
_POINTER, _NUMBER, _TEXT, _MOMENT = 8, 40, 64, 128
_LIST, _STRUCT = 128, 200
"""Bytes of one cell: ``None`` or a truth value, a number, a text besides its characters, a date, a
decimal and the like, and a list (an array in pandas) or dict besides what is in it."""


def weigh(array: Any) -> int:
    """Bytes that all cells of an array take, roughly; its buffers are long enough.

    Raises
    ------
    ValueError
        It has what cannot be counted.
    """
    return _ARRAY + _cells(importlib.import_module("pyarrow").types, array)


def _cells(types: Any, array: Any) -> int:
    kind, count = array.type, len(array)
    if types.is_null(kind) or types.is_boolean(kind):
        return count * _POINTER
    if types.is_integer(kind) or types.is_floating(kind):
        return count * _NUMBER
    if types.is_fixed_size_binary(kind):
        return count * (_TEXT + int(kind.byte_width))
    if _is_text(types, kind):
        return count * _TEXT + _characters(types, array)
    if kind.num_fields or types.is_struct(kind):
        return _nested(types, array)
    if types.is_dictionary(kind):
        return _dictionary(types, array)
    if types.is_temporal(kind) or types.is_decimal(kind):
        return count * _MOMENT
    raise ValueError(f"a column has the type {kind!s:.100}")


def _nested(types: Any, array: Any) -> int:
    kind, count = array.type, len(array)
    if types.is_map(kind):
        return count * (_LIST + _STRUCT) + weigh(array.keys) + weigh(array.items)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return count * _LIST + weigh(array.values)
    if types.is_list_view(kind) or types.is_large_list_view(kind):
        return count * (_LIST + weigh(array.values))  # each may have all of them
    if types.is_run_end_encoded(kind):
        return count * _heaviest(types, array.values)
    fields = [array.field(i) for i in range(kind.num_fields)]
    if types.is_struct(kind):
        names = sum(len(kind.field(i).name) for i in range(kind.num_fields))
        return count * (_STRUCT + names) + sum(map(weigh, fields))
    if types.is_union(kind) and kind.mode == "sparse":
        return count * _POINTER + sum(map(weigh, fields))
    if types.is_union(kind):
        return count * (_POINTER + max(_heaviest(types, field) for field in fields))
    raise ValueError(f"a column has the type {kind!s:.100}")


def _dictionary(types: Any, array: Any) -> int:
    """In pandas it stays one; in Python each cell has a copy of its value."""
    count, values = len(array), array.dictionary
    if not (_is_text(types, values.type) and not _is_view(types, values.type)):
        return weigh(values) + count * (_POINTER + _heaviest(types, values))
    compute = importlib.import_module("pyarrow.compute")
    lengths = compute.take(compute.binary_length(values), array.indices)
    return weigh(values) + count * _POINTER + int(compute.sum(lengths).as_py() or 0)


def _heaviest(types: Any, array: Any) -> int:
    """Bytes that one cell takes at most."""
    kind, count = array.type, len(array)
    if not count:
        return 0
    if _is_text(types, kind) and not _is_view(types, kind):
        compute = importlib.import_module("pyarrow.compute")
        return _TEXT + int(compute.max(compute.binary_length(array)).as_py() or 0)
    if kind.num_fields or _is_text(types, kind) or types.is_dictionary(kind):
        return _ARRAY + _cells(types, array)
    return _cells(types, array) // count


def _characters(types: Any, array: Any) -> int:
    """Bytes of text in all cells; views may show the same ones many times."""
    buffers = array.buffers()
    if not _is_view(types, array.type):
        return buffers[2].size if buffers[2] is not None else 0
    # 16 bytes each, of which the first four are how long it is (BinaryView in Arrow's format).
    views = memoryview(buffers[1])[: 16 * (array.offset + len(array))]
    lengths = views.cast("B").cast("i")[::4]
    if len(lengths) and min(lengths) < 0:
        raise ValueError("a text has a length below zero")
    return sum(lengths)


def _is_text(types: Any, kind: Any) -> bool:
    tests = (types.is_string, types.is_binary, types.is_large_string, types.is_large_binary)
    return any(test(kind) for test in tests) or _is_view(types, kind)


def _is_view(types: Any, kind: Any) -> bool:
    return any(test(kind) for test in (types.is_string_view, types.is_binary_view))

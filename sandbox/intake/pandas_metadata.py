"""What pandas is told of a table that a guest made: which columns are its index, and little more.

pyarrow does what this JSON says: it evaluates names of columns, makes types of any text (one of 2
GB for each cell, ``U500000000``, or of any class that is registered), and index values of any
number. So it is written anew, of what is known to be harmless.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

from .json_values import read_object
from .left_out import LeftOut

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_BYTES = 1 << 20
_MOST_LEVELS = 16
_LARGEST = 1 << 53
_PANDAS_TYPES = {
    *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)),
    *("Float32", "Float64", "boolean", "string", "str"),
}
"""Types of columns that Arrow does not have, and pandas makes of one that it has."""
_NUMBER = re.compile(r"-?[0-9]{1,15}")
_TEXT = r"'[^'\\]{0,500}'"
_TEXTS = re.compile(rf"\({_TEXT}(?:, {_TEXT})*,?\)")
"""How pandas writes the name of a column that has several levels."""


def rewritten(raw: bytes, names: Sequence[str], rows: int) -> bytes | None:
    """What of it is taken in, for a table with columns of these names; ``None`` if nothing is."""
    told = read_object(raw, most_bytes=_MOST_BYTES)
    if isinstance(told, LeftOut) or len(set(names)) < len(names):
        return None
    columns = _columns(told.get("columns"), names)
    index = _index(told.get("index_columns"), set(columns), rows)
    of_data = [name for name in names if name not in index]
    clean = {
        "index_columns": index,
        "columns": list(columns.values()),
        "column_indexes": _levels(told.get("column_indexes"), columns, of_data),
        "attributes": {},
        "creator": {"library": "pyarrow", "version": "17.0.0"},
        "pandas_version": "2.2.0",
    }
    return json.dumps(clean).encode()


def _columns(told: Any, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    known = set(names)
    for column in _objects(told):
        field, name, dtype = (column.get(key) for key in ("field_name", "name", "numpy_type"))
        if isinstance(field, str) and field in known and _is_name(name):
            dtype = dtype if isinstance(dtype, str) and dtype in _PANDAS_TYPES else "object"
            found[field] = _described(name, field, "object", dtype)
    return found


def _index(told: Any, columns: set[str], rows: int) -> list[Any]:
    levels: list[Any] = told if isinstance(told, list) else []  # pyright: ignore
    found: list[Any] = []
    for level in levels[:_MOST_LEVELS]:
        if isinstance(level, str) and level in columns and level not in found:
            found.append(level)
        elif isinstance(level, dict) and _is_range(cast("dict[str, Any]", level), rows):
            keys = ("kind", "name", "start", "stop", "step")
            found.append({key: level[key] for key in keys})
    return found


def _is_range(level: dict[str, Any], rows: int) -> bool:
    start, stop, step = numbers = [level.get(key) for key in ("start", "stop", "step")]
    return (
        level.get("kind") == "range"
        and _is_name(level.get("name", 0))
        and all(type(number) is int and abs(number) < _LARGEST for number in numbers)
        and step != 0
        and len(range(cast("int", start), cast("int", stop), cast("int", step))) == rows
    )


def _levels(
    told: Any, columns: dict[str, dict[str, Any]], fields: Sequence[str]
) -> list[dict[str, Any]]:
    """What the names of columns are: numbers, texts, or several texts each."""
    levels = _objects(told)[:_MOST_LEVELS]
    if not levels or not all(_is_name(level.get("name")) for level in levels):
        return []
    names = [columns[field]["name"] if field in columns else field for field in fields]
    if len(levels) > 1:
        if not all(name is not None and _has_parts(name, len(levels)) for name in names):
            return []
        return [_described(level.get("name"), None, "unicode", "object") for level in levels]
    (level,) = levels
    numbers = all(name is not None and _NUMBER.fullmatch(name) for name in names)
    if numbers and names and level.get("pandas_type") == "int64":
        return [_described(level.get("name"), None, "int64", "int64")]
    return [_described(level.get("name"), None, "unicode", "object")]


def _has_parts(name: str, count: int) -> bool:
    return bool(_TEXTS.fullmatch(name)) and len(re.findall(_TEXT, name)) == count


def _described(name: str | None, field: str | None, kind: str, dtype: str) -> dict[str, Any]:
    return {
        "name": name,
        "field_name": field,
        "pandas_type": kind,
        "numpy_type": dtype,
        "metadata": None,
    }


def _objects(told: Any) -> list[dict[str, Any]]:
    items: list[Any] = told if isinstance(told, list) else []  # pyright: ignore
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]


def _is_name(name: Any) -> bool:
    return name is None or isinstance(name, str)

"""Typed values that cross the border of a session: JSON, bytes and tables, never a pickle.

A value is a kind and some bytes: ``json``, ``bytes``, ``arrow`` (a stream in the format of Apache
Arrow IPC), ``text`` for what can only be shown, or ``none``.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from typing import Any

MOST = 16 << 20
"""Bytes of a value that is carried; of a larger one there is only its text."""
MOST_JSON = 4 << 20
"""The same for JSON, which takes up to 25 times as much when it is read."""

_PLAIN = (bool, int, float, str, type(None))

Carried = tuple[str, bytes]
NONE: Carried = ("none", b"")


def load(kind: str, data: bytes) -> Any:
    """The value the host sends.

    Raises
    ------
    ImportError
        It is a table, and pyarrow is not installed in here.
    """
    if kind == "json":
        return json.loads(data)
    if kind == "arrow":
        return _load_table(data)
    return data


def dump(value: Any, text: str) -> Carried:
    """``value`` for the host; ``text`` is how it looks, for a value of no other kind."""
    if value is None:
        return NONE
    for kind, encode in (("bytes", _as_bytes), ("json", _as_json), ("arrow", _as_table)):
        data = encode(value)
        if data is not None:
            return kind, data
    return "text", str(text).encode("utf-8", "replace")[:MOST]


def _as_bytes(value: Any) -> bytes | None:
    return bytes(value) if type(value) in (bytes, bytearray) and len(value) <= MOST else None


def _as_json(value: Any) -> bytes | None:
    if not _is_json(value, MOST_JSON):
        return None
    try:
        data = json.dumps(value, default=_plain_number).encode()
    except (TypeError, ValueError, RecursionError):  # too deep, or an integer of too many digits
        return None
    return data if len(data) <= MOST_JSON else None


def _plain_number(value: Any) -> Any:
    """The number in a scalar of numpy, whose module is not imported for it."""
    numpy = sys.modules.get("numpy")
    return value.item() if numpy is not None and isinstance(value, numpy.generic) else value


def _is_json(value: Any, room: int) -> bool:
    """True for what JSON gives back as it was (but for tuples, which become lists).

    ``room`` is how long it may be: a list that holds itself, or another many times, has no end.
    """
    waiting = [value]
    while waiting:
        item: Any = waiting.pop()
        kind = type(item)  # pyright: ignore[reportUnknownVariableType]
        if kind in (list, tuple, str, dict):
            room -= len(item)
        room -= 1
        if room < 0:
            return False
        if kind in (list, tuple):
            waiting += item
        elif kind is dict:
            if not all(type(key) is str for key in item):
                return False
            waiting += item.values()
        elif kind not in _PLAIN and type(_plain_number(item)) not in _PLAIN:
            return False
    return True


def _as_table(value: Any) -> bytes | None:
    if type(value).__module__.partition(".")[0] not in ("pandas", "polars", "pyarrow"):
        return None
    try:
        return _table(value) if _size(value) <= MOST else None
    except Exception:  # no pyarrow here, or columns of Python objects, for example
        return None


def _table(value: Any) -> bytes | None:
    pyarrow = _pyarrow()
    table = _to_table(pyarrow, value)
    if table is None:
        return None
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data = sink.getvalue()
    return bytes(data) if len(data) <= MOST else None


def _size(value: Any) -> int:
    """Bytes of a table, roughly, without copying it."""
    for name in ("nbytes", "estimated_size"):  # pyarrow and pandas' Series; polars
        size: Any = getattr(value, name, None)
        if size is not None:
            return int(size() if name == "estimated_size" else size)
    usage: Any = getattr(value, "memory_usage", None)  # pandas' DataFrame
    return int(usage().sum()) if usage is not None else MOST + 1


def _to_table(pyarrow: Any, value: Any) -> Any:
    if isinstance(value, pyarrow.Table):
        return value
    kind = type(value).__name__
    if kind == "DataFrame":
        return value.to_arrow() if hasattr(value, "to_arrow") else pyarrow.Table.from_pandas(value)
    return None


def _load_table(data: bytes) -> Any:
    pyarrow = _pyarrow()
    with pyarrow.ipc.open_stream(data) as reader:
        table = reader.read_all()
    return table.to_pandas() if "pandas" in sys.modules or _has_pandas() else table


def _pyarrow() -> Any:
    return importlib.import_module("pyarrow")


def _has_pandas() -> bool:
    return importlib.util.find_spec("pandas") is not None

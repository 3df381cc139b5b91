"""Typed values that cross the border of a session: JSON, bytes and tables, never a pickle.

A value is a kind and some bytes: ``json``, ``bytes``, ``arrow`` (a stream in the format of Apache
Arrow IPC), ``text`` for what can only be shown, or ``none``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

MOST = 16 << 20
"""Bytes of a value that is carried; of a larger one there is only its text."""

Carried = tuple[str, bytes]


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
        return "none", b""
    for kind, encode in (("bytes", _as_bytes), ("json", _as_json), ("arrow", _as_table)):
        data = encode(value)
        if data is not None and len(data) <= MOST:
            return kind, data
    return "text", text.encode("utf-8", "replace")[:MOST]


def _as_bytes(value: Any) -> bytes | None:
    return bytes(value) if type(value) in (bytes, bytearray) else None


def _as_json(value: Any) -> bytes | None:
    try:
        value = _plain_number(value)
        return json.dumps(value).encode() if _is_json(value, MOST) else None
    except (ValueError, RecursionError):  # too deep, or an integer of too many digits
        return None


def _plain_number(value: Any) -> Any:
    """The number in a scalar of numpy, whose module is not imported for it."""
    numpy = sys.modules.get("numpy")
    return value.item() if numpy is not None and isinstance(value, numpy.generic) else value


def _is_json(value: Any, room: int) -> bool:
    """True for what JSON gives back as it was (but for tuples, which become lists)."""
    kind = type(value)
    if kind in (bool, int, float, type(None)):
        return True
    if kind is str:
        return len(value) <= room
    if kind in (list, tuple):
        return len(value) <= room and all(_is_json(item, room) for item in value)
    if kind is dict:
        return len(value) <= room and all(
            type(key) is str and _is_json(item, room) for key, item in value.items()
        )
    return False


def _as_table(value: Any) -> bytes | None:
    if type(value).__module__.partition(".")[0] not in ("pandas", "polars", "pyarrow"):
        return None
    if _size(value) > MOST:
        return None
    try:
        import pyarrow
    except ImportError:
        return None
    try:
        table = _to_table(pyarrow, value)
        if table is None:
            return None
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())
    except (pyarrow.ArrowException, TypeError, ValueError):
        return None  # columns of Python objects, for example


def _size(value: Any) -> int:
    """Bytes of a table, roughly, without copying it."""
    for name in ("nbytes", "estimated_size"):  # pyarrow and pandas' Series; polars
        size = getattr(value, name, None)
        if size is not None:
            return int(size() if callable(size) else size)
    usage = getattr(value, "memory_usage", None)  # pandas' DataFrame
    return int(usage().sum()) if usage is not None else MOST + 1


def _to_table(pyarrow: Any, value: Any) -> Any:
    if isinstance(value, pyarrow.Table):
        return value
    kind = type(value).__name__
    if kind == "DataFrame":
        return value.to_arrow() if hasattr(value, "to_arrow") else pyarrow.Table.from_pandas(value)
    return None


def _load_table(data: bytes) -> Any:
    import pyarrow

    with pyarrow.ipc.open_stream(data) as reader:
        table = reader.read_all()
    return table.to_pandas() if "pandas" in sys.modules or _has_pandas() else table


def _has_pandas() -> bool:
    import importlib.util

    return importlib.util.find_spec("pandas") is not None

"""Typed values that cross the border of a session: JSON, bytes and tables, never a pickle.

:mod:`.guest.values` is the other side.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .errors import UsageError

MOST = 32 << 20
"""Bytes of all values that are handed to a cell."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A value that stays inside: of it there is only how it looks."""

    text: str
    """Its ``repr``, of which the beginning is kept."""

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Table:
    """A table (of pandas, polars or pyarrow), as a stream in the format of Apache Arrow IPC.

    Guests make these bytes, so nothing looks into them before it is asked to: reading needs
    pyarrow, which checks what it reads.
    """

    data: bytes

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table``.

        Raises
        ------
        UsageError
            pyarrow is not installed, or these bytes are no table.
        """
        try:
            import pyarrow as pa  # type: ignore[import-not-found, unused-ignore]
        except ImportError as error:
            raise UsageError("A table needs pyarrow: pip install pyarrow") from error
        module: Any = pa
        try:
            with module.ipc.open_stream(self.data) as reader:
                table = reader.read_all()
            table.validate(full=True)
        except (module.ArrowException, OSError, ValueError) as error:
            raise UsageError(f"The cell's value is no table: {error}") from error
        return table

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``; raises as :meth:`to_arrow` does."""
        return self.to_arrow().to_pandas()


def load(kind: str, data: bytes) -> Any:
    """The value of a cell, as the guest says it is. Its words are checked, not believed.

    Raises
    ------
    ValueError
        They make no sense.
    """
    match kind:
        case "none":
            return None
        case "bytes":
            return data
        case "json":
            try:
                return json.loads(data)
            except RecursionError as error:
                raise ValueError("too deep") from error
        case "arrow":
            return Table(data)
        case "text":
            return Shown(data.decode("utf-8", "replace"))
        case _:
            raise ValueError(f"unknown kind {kind!r}")


def dump(name: str, value: Any) -> tuple[str, bytes]:
    """The kind and the bytes of a value for a cell.

    Raises
    ------
    UsageError
        It is neither JSON nor bytes nor a table, or there is no pyarrow for a table.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return "bytes", bytes(value)
    if isinstance(value, Table):
        return "arrow", value.data
    if hasattr(value, "__arrow_c_stream__") or type(value).__name__ == "DataFrame":
        return "arrow", _table(name, value)
    try:
        return "json", json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{name}: {type(value).__name__} cannot be handed to a cell ({error}); "
            "JSON values, bytes and tables can."
        ) from error


def _table(name: str, value: Any) -> bytes:
    try:
        import pyarrow as pa  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise UsageError(f"{name}: a table needs pyarrow: pip install pyarrow") from error
    module: Any = pa
    try:
        if hasattr(value, "__arrow_c_stream__"):
            table = module.table(value)
        else:
            table = module.Table.from_pandas(value)
        sink = module.BufferOutputStream()
        with module.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    except (module.ArrowException, TypeError, ValueError) as error:
        raise UsageError(f"{name}: this table cannot be handed to a cell ({error}).") from error
    return bytes(sink.getvalue())

"""Tables of the caller in the stream format of Apache Arrow IPC, for a cell.

What comes back from one is read by :mod:`.intake.arrow`.
"""

from __future__ import annotations

import importlib
from typing import Any

from .errors import MissingExtra, UsageError


def write(name: str, value: Any) -> bytes:
    """The bytes of a table of pandas, polars or pyarrow, called ``name``.

    Raises
    ------
    UsageError
        It has columns that Arrow does not know.
    MissingExtra
        pyarrow is not installed.
    """
    arrow = pyarrow()
    try:
        if hasattr(value, "__arrow_c_stream__"):
            table = arrow.table(value)
        else:
            table = arrow.Table.from_pandas(value)
        sink = arrow.BufferOutputStream()
        with arrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    except (arrow.ArrowException, TypeError, ValueError) as error:
        raise UsageError(f"{name}: this table cannot be handed to a cell ({error}).") from error
    return bytes(sink.getvalue())


def pyarrow() -> Any:
    """The module.

    Raises
    ------
    MissingExtra
        It is not installed.
    """
    try:
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise MissingExtra("arrow", "pyarrow") from error

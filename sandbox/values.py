"""Typed values that cross the border of a session: JSON, bytes and tables, never a pickle.

:mod:`.guest.values` is the other side.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import UsageError
from .intake import LeftOut
from .intake.json_values import read_json, weigh

if TYPE_CHECKING:
    from .intake.kept import Kept

MOST = 32 << 20
"""Bytes of all values that are handed to a cell."""
_LONGEST_TEXT = (1 << 20) + 16
"""Bytes; guests cut it themselves, and add that they did."""


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
    pyarrow, and refuses what would take far more memory than it has bytes.
    """

    data: bytes

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table``.

        Raises
        ------
        UsageError
            These bytes are no table, or one that grows when it is used.
        MissingExtra
            pyarrow is not installed.
        """
        from .intake.arrow import read_table

        table = read_table(self.data)
        if isinstance(table, LeftOut):
            raise UsageError(f"The cell's value is no table: {table.why}.")
        return table

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``; raises as :meth:`to_arrow` does."""
        table = self.to_arrow()
        try:
            return table.to_pandas()
        except Exception as error:  # types that pandas does not have, dates that it cannot count
            raise UsageError(f"The cell's table is none for pandas: {error}.") from error


def load(kind: str, data: bytes, kept: Kept) -> Any:
    """The value of a cell, as the guest says it is. Its words are checked, not believed.

    Of a value for which there is no room any more there is the beginning of its text.
    """
    if kind == "none":
        return None
    if kind == "json":
        return _load_json(data, kept)
    if kind == "text" or not kept.take(len(data)):
        return _shown(data)
    return Table(data) if kind == "arrow" else data


def describe(value: Any) -> dict[str, Any]:
    """A cell's value as plain JSON: ``value``, and in ``value_kind`` what it stands for."""
    match value:
        case bytes():
            return {"value": base64.b64encode(value).decode(), "value_kind": "base64"}
        case Table():
            return {"value": base64.b64encode(value.data).decode(), "value_kind": "arrow"}
        case Shown():
            return {"value": value.text, "value_kind": "text"}
        case _:
            return {"value": value, "value_kind": "json"}


def dump(name: str, value: Any) -> tuple[str, bytes]:
    """The kind and the bytes of a value for a cell.

    Raises
    ------
    UsageError
        It is neither JSON nor bytes nor a table.
    MissingExtra
        It is a table, and pyarrow is not installed.
    """
    if isinstance(value, (bytes, bytearray)):
        return "bytes", bytes(value)
    if isinstance(value, Table):
        return "arrow", value.data
    if hasattr(value, "__arrow_c_stream__") or type(value).__name__ == "DataFrame":
        from . import arrow

        return "arrow", arrow.write(name, value)
    try:
        return "json", json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{name}: {type(value).__name__} cannot be handed to a cell ({error}); "
            "JSON values, bytes and tables can."
        ) from error


def _load_json(data: bytes, kept: Kept) -> Any:
    """The value, or how it looks if it is more than a reader may be asked to take."""
    value = read_json(data, most_memory=kept.room, of_python=True)
    if isinstance(value, LeftOut):
        return _shown(data)
    kept.take(weigh(data, 0))
    return value


def _shown(data: bytes) -> Shown:
    return Shown(data[:_LONGEST_TEXT].decode("utf-8", "replace"))

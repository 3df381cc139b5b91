"""The outcome: one row for each contender, on medians, beside its floor and its target."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .contender import Target, Unit


@dataclass(frozen=True, slots=True)
class Row:
    """The median of ``rounds`` measures in ``unit``; ``ratio`` is to ``floor``, if it was there."""

    name: str
    group: str
    unit: Unit
    measure: float
    least: float
    most: float
    rounds: int
    floor: str | None
    ratio: float | None
    target: Target | None

    @property
    def met(self) -> bool | None:
        """Whether the target is; ``None`` without one, or without the floor it is a ratio to."""
        if self.target is None or (self.target.of == "ratio" and self.ratio is None):
            return None
        return self.target.met(self.measure, self.ratio or 0.0)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A contender that could not be measured here."""

    name: str
    group: str
    why: str


@dataclass(frozen=True, slots=True)
class Table:
    """All rows, in the order of the contenders."""

    rows: tuple[Row, ...]
    skipped: tuple[Skipped, ...]

    def groups(self) -> list[str]:
        return list(dict.fromkeys(row.group for row in self.rows))

    def of(self, group: str) -> list[Row]:
        return [row for row in self.rows if row.group == group]

    def why_skipped(self) -> dict[str, list[str]]:
        """The names of what could not be measured, by the reason."""
        names: dict[str, list[str]] = {}
        for item in self.skipped:
            names.setdefault(item.why, []).append(item.name)
        return names

    def to_json(self) -> str:
        """An object with ``host``, ``rows`` and ``skipped``; seconds, bytes, and per second."""
        rows = [{**asdict(row), "met": row.met} for row in self.rows]
        skipped = [asdict(item) for item in self.skipped]
        return json.dumps({"host": host(), "rows": rows, "skipped": skipped}, indent=1)


def host() -> dict[str, str | int]:
    """What it was measured on; names nothing that tells of the owner."""
    return {
        "processors": os.cpu_count() or 0,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "root": int(os.geteuid() == 0),
    }


def shown(value: float, unit: Unit) -> str:
    """``1.23 ms``, ``412 /s``, ``2.10 MiB``, ``3.2 %``."""
    match unit:
        case "s":
            return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.3g} ms"
        case "/s":
            return f"{value:.0f} /s"
        case "B":
            return f"{value / (1 << 20):.2f} MiB"
        case _:
            return f"{value * 100:.1f} %"


def shown_ratio(ratio: float | None) -> str:
    """``0.12 x``, and ``1/25`` for what is much less than the floor."""
    if ratio is None:
        return ""
    return f"1/{1 / ratio:.0f}" if 0 < ratio < 0.1 else f"{ratio:.3g} x"


def shown_target(row: Row) -> str:
    """``≤ 0.25 x met``."""
    if row.target is None:
        return ""
    of_ratio = row.target.of == "ratio"
    bound = shown_ratio(row.target.bound) if of_ratio else shown(row.target.bound, row.unit)
    word = {True: "met", False: "not met", None: "floor not measured"}[row.met]
    return f"{row.target.sign} {bound} {word}"

"""Memory of processes as the kernel divides it: ``smaps_rollup`` of proc(5), in bytes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable


def below_this_process() -> set[int]:
    """All processes that descend from this one."""
    return {process.pid for process in psutil.Process().children(recursive=True)}


def held(pids: Iterable[int], *fields: str) -> int:
    """The sum of these fields (``Pss``, ``Rss``, ``Private_Dirty``, …) over processes."""
    return sum(_field(pid, fields) for pid in pids)


def _field(pid: int, fields: tuple[str, ...]) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        values = (line.split(":") for line in lines)
        return sum(int(value.split()[0]) << 10 for name, value in values if name in fields)
    return 0

"""By how much the memory of this process grew at most while something ran."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_PROC = Path("/proc/self")
_RESET_PEAK = "5"
"""For ``clear_refs`` of proc(5): the peak of the resident set is what is resident now."""


@dataclass(frozen=True, slots=True)
class Grown(Generic[T]):
    """What a function returned, and by how many bytes the resident set was larger meanwhile."""

    value: T
    bytes: int


def measure(function: Callable[[], T]) -> Grown[T]:
    """Call the function; its input, if there is any, is to be in memory before."""
    gc.collect()
    (_PROC / "clear_refs").write_text(_RESET_PEAK)
    before = _status("VmRSS")
    value = function()
    return Grown(value, max(_status("VmHWM") - before, 0))


def _status(name: str) -> int:
    lines = (_PROC / "status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) << 10

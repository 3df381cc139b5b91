"""Whether memory is scarce on this host: what waits for a use is then to be given back."""

from __future__ import annotations

from pathlib import Path

_STALLED = 10.0
"""Percent of the last ten seconds in which some process waited for memory (PSI)."""
_LEAST = 1 / 32
"""Of all memory, what is to stay available."""


def is_memory_scarce(
    pressure: Path = Path("/proc/pressure/memory"), meminfo: Path = Path("/proc/meminfo")
) -> bool:
    """True when processes stall for memory (Documentation/accounting/psi.rst), or little is left.

    The files are the kernel's; one that is missing says nothing.
    """
    return _stalled(pressure) >= _STALLED or _available(meminfo) < _LEAST


def _stalled(pressure: Path) -> float:
    """``avg10`` of the line ``some avg10=0.00 avg60=…``."""
    try:
        return float(pressure.read_text().split()[1].partition("=")[2])
    except (OSError, ValueError, IndexError):
        return 0.0


def _available(meminfo: Path) -> float:
    """The share of memory that programs can still have (proc_meminfo(5), MemAvailable)."""
    try:
        lines = (line.split() for line in meminfo.read_text().splitlines())
        sizes = {words[0]: int(words[1]) for words in lines}
        return sizes["MemAvailable:"] / sizes["MemTotal:"]
    except (OSError, ValueError, IndexError, KeyError, ZeroDivisionError):
        return 1.0

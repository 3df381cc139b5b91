"""The processes of a pid namespace, as its first process sees them in /proc."""

from __future__ import annotations

import os


def others() -> list[int]:
    """All but the first, those of branches included."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def own() -> list[int]:
    """All but the first and those that are in branches."""
    return [pid for pid in others() if not _is_in_a_branch(pid)]


def _is_in_a_branch(pid: int) -> bool:
    """True if it has a number in a pid namespace below this one: NSpid of proc_pid_status(5)."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next(len(line.split()) > 2 for line in file if line.startswith("NSpid:"))
    except (OSError, StopIteration):
        return False

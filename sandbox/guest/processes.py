"""The processes of a pid namespace, as its first process sees them in /proc."""

from __future__ import annotations

import os


def others() -> list[int]:
    """All but the first, those of branches included."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def own() -> list[int]:
    """All but the first and those that are in branches."""
    return [pid for pid in others() if not _is_in_a_branch(pid)]


def is_orphan(pid: int) -> bool:
    """True if the first process of a pid namespace will reap it.

    Raises
    ------
    OSError
        There is no such process.
    """
    (parent,) = _status(pid, "PPid")
    return _status(int(parent), "NSpid")[-1] == "1"


def _is_in_a_branch(pid: int) -> bool:
    """True if it has a number in a pid namespace below this one."""
    try:
        return len(_status(pid, "NSpid")) > 1
    except OSError:
        return False


def _status(pid: int, name: str) -> list[str]:
    """The words of one line of proc_pid_status(5)."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(name + ":"):
                return line.split()[1:]
    raise ProcessLookupError("the process has ended")

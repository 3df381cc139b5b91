"""Whose something is: a name to write on what would outlive its owner, so that it can be reaped."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


def this_process() -> str:
    """A name for this process that no other one gets, its number's next holder included."""
    return _name_of(os.getpid())


@cache
def _name_of(pid: int) -> str:
    """For the running process only: after a fork it is asked with another number."""
    return f"{Path('/proc/self/ns/pid').stat().st_ino}-{pid}-{_start_time(pid)}"


def is_alive(owner: str) -> bool:
    """False only when the process that called itself ``owner`` has certainly ended."""
    try:
        namespace, pid, start = map(int, owner.split("-"))
    except ValueError:
        return True  # not ours to judge
    if namespace != Path("/proc/self/ns/pid").stat().st_ino:
        return True
    began = _start_time(pid)
    return _is_there(pid) if began is None else began == start


def _is_there(pid: int) -> bool:
    """True also for a process that may not be looked at (hidepid of proc(5))."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _start_time(pid: int) -> int | None:
    """When a process started, in clock ticks after boot: field 22 of proc_pid_stat(5)."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None

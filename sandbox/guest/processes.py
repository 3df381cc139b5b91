"""The processes of a pid namespace, as its first process sees them in /proc."""

from __future__ import annotations

import os


def others() -> list[int]:
    """All but the first, those of branches included."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def own() -> list[int]:
    """All but the first and those that are in branches."""
    return [pid for pid in others() if not _is_in_a_branch(pid)]


def capable() -> list[int]:
    """Programs that are not in a branch, and have capabilities all the same."""
    return [pid for pid in own() if _is_capable(pid)]


def _is_capable(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/status") as file:
            fields = dict(line.split(":", 1) for line in file if ":" in line)
    except OSError:
        return False
    # Without a filter it is no program: it is on its way to make a branch.
    is_a_program = fields["Seccomp"].strip() == "2" and fields["State"].strip()[0] not in "ZX"
    return is_a_program and int(fields["CapPrm"], 16) != 0


def _is_in_a_branch(pid: int) -> bool:
    """True if it has a number in a pid namespace below this one: NSpid of proc_pid_status(5)."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next(len(line.split()) > 2 for line in file if line.startswith("NSpid:"))
    except (OSError, StopIteration):
        return False

"""Processes, as the first one of a guest sees them in /proc."""

from __future__ import annotations

import contextlib
import os


def others() -> list[int]:
    """All of this pid namespace but the first, those of branches included."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def own() -> tuple[list[int], list[int]]:
    """All but the first and those that are in branches: who is alive, and who is to be reaped."""
    alive: list[int] = []
    dead: list[int] = []
    for pid in others():
        with contextlib.suppress(OSError):
            status = status_of(pid)
            if len(status["NSpid"].split()) == 1:
                (dead if status["State"][0] in "ZX" else alive).append(pid)
    return alive, dead


def is_orphan(pid: int) -> bool:
    """True if the first process of a pid namespace will reap it.

    Raises
    ------
    OSError
        There is no such process.
    """
    parent = int(status_of(pid)["PPid"])
    return status_of(parent)["NSpid"].split()[-1] == "1"


def status_of(pid: int) -> dict[str, str]:
    """The fields of proc_pid_status(5). Who is in a branch has a number there too, in NSpid.

    Raises
    ------
    OSError
        There is no such process, or it may not be looked at; so :func:`fields_of`.
    """
    return fields_of(f"/proc/{pid}/status")


def fields_of(path: str) -> dict[str, str]:
    """The fields of a file of /proc with one in each line."""
    with open(path, errors="replace") as file:  # the name of a process may be any bytes
        lines = (line.partition(":") for line in file)
        return {name: value.strip() for name, _, value in lines}

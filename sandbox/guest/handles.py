"""Descriptors of what makes up a guest, by name: its folders and its namespaces."""

from __future__ import annotations

import os
from typing import Sequence

from . import root

FOLDERS = {"workspace": root.WORKSPACE, "home": root.HOME, "tmp": "/tmp", "shm": "/dev/shm"}
"""Where programs of a guest write."""
_NAMESPACES = ("user", "pid", "mnt", "ipc", "uts", "cgroup", "net")
LAST = "time"
"""The one that the fork enters itself, and not who goes ahead: see :mod:`.passage`."""
ABOVE = ("user", "pid")
"""Namespaces of a parent, below which those of a branch are made."""


def namespaces(*, host_network: bool) -> tuple[str, ...]:
    """What a branch has of its own, in the order in which they are to be entered.

    The first gives the right to enter the others; nothing gives that to enter the host's network,
    in which a branch then is anyway.
    """
    return (*(_NAMESPACES[:-1] if host_network else _NAMESPACES), LAST)


def open_handles(names: Sequence[str]) -> list[int]:
    """The descriptors called ``names``, which the caller closes."""
    fds: list[int] = []
    for name in names:
        if name in FOLDERS:
            flags = os.O_PATH if name == "tmp" else os.O_RDONLY
            fds.append(os.open(FOLDERS[name], flags | os.O_DIRECTORY | os.O_CLOEXEC))
        else:
            fds.append(os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC))
    return fds

"""Descriptors of what makes up a guest, by name: its folders and its namespaces."""

from __future__ import annotations

import os
from typing import Sequence

from . import root

FOLDERS = {"workspace": root.WORKSPACE, "home": root.HOME, "tmp": "/tmp", "shm": "/dev/shm"}
"""Where programs of a guest write."""
NAMESPACES = ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup")
"""In the order in which they are to be entered: the first gives the right to enter the others."""
ABOVE = ("user", "pid")
"""Namespaces of a parent, below which those of a branch are made."""


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

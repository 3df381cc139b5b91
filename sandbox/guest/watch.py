"""Watches the memory of a guest where no cgroup does: better late by a moment than not at all.

The limits of processes (setrlimit(2)) count each process for itself, and neither shared memory
nor files in memory. So the first process of a guest looks at all of them, many times a second.
"""

from __future__ import annotations

import os
import time
from typing import Any

from . import processes, sockets

PERIOD = 0.03
"""Seconds between two looks."""

_FILES = ("/tmp", "/dev/shm")
_FEW_SOCKETS = 8
"""That are not asked about, and not counted where the kernel does not list them."""
_BUFFER = "/proc/sys/net/core/wmem_default"
"""Bytes a socket may send ahead; that programs cannot ask for more is seen to by a filter."""
_USUAL_BUFFER = 208 << 10
"""Of that file, which older kernels do not show here."""
_SHARE = 10
"""A question to the kernel that takes a second is the last one for as many."""
_INODE = 1 << 10
"""Bytes the kernel takes for each file in memory, besides its content."""


class MemoryWatch:
    """Adds up what the processes of this pid namespace hold, but for branches: each has its own.

    ``limit`` is in bytes. In a network of its own the kernel is asked by ``diagnosis`` what sockets
    hold. Those it does not list may be as full as can be. What a guest was born with, pages it
    shares with the zygote, is not counted: it is subtracted from each process, as this process had
    it in the beginning.
    """

    def __init__(self, limit: int, *, own_network: bool, diagnosis: int | None) -> None:
        self._limit = limit
        self._own_network = own_network
        self._diagnosis = diagnosis
        self._asked = sockets.Held(0, 0)
        self._unlisted = 0
        self._ask_again = 0.0
        self._fullest = 2 * _buffer()  # and the last message may be as long again
        self._born_with = _resident("/proc/self/status")

    def exceeded(self) -> bool:
        """True when processes and files in memory hold more than the limit.

        A quick look counts pages that processes share once for each, and branches. Only if that
        is too much, the exact count is taken (smaps_rollup of proc(5)), which takes the kernel
        longer.
        """
        files = sum(_used(path) for path in _FILES)
        if self._own_network:
            files += self._in_sockets()
        if files + self._quick() <= self._limit:
            return False
        return files + self._exact() > self._limit

    def _quick(self) -> int:
        statuses = (_resident(f"/proc/{pid}/status") for pid in processes.others())
        return sum(max(size - self._born_with, 0) for size in statuses)

    def _in_sockets(self) -> int:
        used = _sockets()
        if used <= _FEW_SOCKETS:
            return 0
        if self._diagnosis is None:
            return (used - _FEW_SOCKETS) * self._fullest
        now = time.monotonic()
        if now >= self._ask_again:
            self._asked = sockets.held(self._diagnosis)
            # Those that were made or closed meanwhile are not among them either.
            self._unlisted = min(used, _sockets()) - self._asked.sockets - _FEW_SOCKETS
            self._ask_again = now + _SHARE * (time.monotonic() - now)
        return self._asked.size + max(self._unlisted, 0) * self._fullest

    def _exact(self) -> int:
        alive, _ = processes.own()
        return sum(_proportional(pid) for pid in alive)


def watch_of(config: dict[str, Any]) -> MemoryWatch:
    return MemoryWatch(
        config["memory"],
        own_network=config["network"] == "none",
        diagnosis=config.get("diagnosis"),
    )


def _resident(status: str) -> int:
    """Bytes in memory that are not pages of files, and those of the page tables."""
    return _sum(status, ("RssAnon", "RssShmem", "VmPTE"))


def _proportional(pid: int) -> int:
    """The same, with each shared page divided by those who share it."""
    shared = _sum(f"/proc/{pid}/smaps_rollup", ("Pss_Anon", "Pss_Shmem"))
    return shared + _sum(f"/proc/{pid}/status", ("VmPTE",))


def _sum(path: str, names: tuple[str, ...]) -> int:
    try:
        fields = processes.fields_of(path)
    except OSError:  # it ended meanwhile
        return 0
    return sum(int(fields[name].split()[0]) << 10 for name in names if name in fields)


def _buffer() -> int:
    try:
        with open(_BUFFER) as file:
            return int(file.read())
    except OSError:
        return _USUAL_BUFFER


def _sockets() -> int:
    """Sockets of this network namespace, Unix sockets included (sockstat of proc_net(5))."""
    with open("/proc/net/sockstat") as file:
        return int(file.readline().split()[2])


def _used(path: str) -> int:
    info = os.statvfs(path)
    inodes = (info.f_files - info.f_ffree) * _INODE
    return (info.f_blocks - info.f_bfree) * info.f_frsize + inodes

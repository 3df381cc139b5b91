"""Limits for a folder of the caller's that is the workspace: it is counted, and guests are killed.

A folder of the host has no limit of its own: project quotas need a file system that was made for
them, and an overlay with a limited upper layer would show the host nothing before the end. So this
looks at the counters of the file system many times a second, which costs nothing, and counts the
folder when they have grown by so much that a limit may be reached, and once a second besides.

A guest so gets further than its limit, by what it can write in the time between two looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .guest import kernel
from .nameless_files import held_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .guests import Guest

PERIOD = 0.02
"""Seconds between two looks at the file system."""
REGULAR = 1.0
"""Seconds between two counts, without a reason for one."""
_SHARE = 20
"""A count that takes a second is followed by as many without one, if there is no reason for it."""
MOST_COUNTED = 200_000
"""Entries counted, besides those that guests may add. Of larger folders only the counters of the
file system tell how they grow, which others let grow as well."""
_SMALL = 10_000
"""Entries that are counted after each guest which changed something."""
MOST_LEVELS = 100
"""Folders in each other; deeper ones are as one entry too many."""


@dataclass(frozen=True, slots=True)
class Count:
    """What is in a folder."""

    size: int = 0
    """Bytes on the disk, without holes."""
    entries: int = 0
    closed: int = 0
    """Folders that could not be looked into."""
    complete: bool = True
    """False if there is more."""
    too_deep: bool = False


@dataclass(frozen=True, slots=True)
class Counters:
    """What a file system has in use."""

    size: int
    entries: int

    @classmethod
    def of(cls, folder: int) -> Counters:
        info = os.fstatvfs(folder)
        used = (info.f_blocks - info.f_bfree) * info.f_frsize
        return cls(used, info.f_files - info.f_ffree)


def count(folder: int, most: int) -> Count:
    """Count what is in the open ``folder``, up to ``most`` entries and no deeper than is allowed.

    Files with several names are counted once in bytes, and each name as an entry.
    """
    size = entries = closed = 0
    seen: set[int] = set()
    pending = [""]
    while pending:
        path = pending.pop()
        level = path.count("/") + 2
        try:
            for name, info in _look_into(folder, path):
                entries += 1
                if entries > most:
                    return Count(size, entries, closed, complete=False)
                if info.st_nlink < 2 or stat.S_ISDIR(info.st_mode) or info.st_ino not in seen:
                    size += info.st_blocks * 512
                if stat.S_ISDIR(info.st_mode):
                    if level > MOST_LEVELS:
                        return Count(size, entries, closed, too_deep=True)
                    pending.append(f"{path}/{name}" if path else name)
                elif info.st_nlink > 1:
                    seen.add(info.st_ino)
        except FileNotFoundError:
            continue  # it went away meanwhile
        except OSError:
            closed += 1
    return Count(size, entries, closed)


def _look_into(folder: int, path: str) -> Iterator[tuple[str, os.stat_result]]:
    fd = kernel.open_beneath(folder, path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with os.scandir(fd) as found:
            for entry in found:
                with contextlib.suppress(FileNotFoundError):
                    yield entry.name, entry.stat(follow_symlinks=False)
    finally:
        os.close(fd)


class FolderWatch:
    """Ends the guests of one sandbox when its folder has grown by more than they may add.

    ``size`` is in bytes; ``entries`` are files, folders and further names of files. What others
    add to the folder at the same time counts as well.
    """

    def __init__(self, folder: int, size: int, entries: int) -> None:
        self._folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        self._closed = False
        self._size, self._entries = size, entries
        self._guests: set[Guest] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._counting: asyncio.Task[str | None] | None = None
        self._most = MOST_COUNTED
        self._begin = self._counters = Counters.of(self._folder)
        self._before = self._now = Count()
        self._nameless = 0
        self._next = 0.0

    async def begin(self) -> None:
        """Count what is there before any guest is."""
        self._before = self._now = await asyncio.to_thread(count, self._folder, MOST_COUNTED)
        self._most = self._before.entries + self._entries + 1
        self._next = time.monotonic() + REGULAR

    def add(self, guest: Guest) -> None:
        """End it, too, when there is too much."""
        self._guests.add(guest)
        if self._timer is None:
            self._look_later()

    def discard(self, guest: Guest) -> None:
        """It has ended."""
        self._guests.discard(guest)

    async def settle(self) -> str | None:
        """The limit that is exceeded when a guest has ended, if there can be one.

        Further names of files, and folders in each other, hardly show in the counters.
        """
        is_small = self._before.entries <= _SMALL and self._counters != Counters.of(self._folder)
        if self._counting is None and not is_small and not self._is_suspicious():
            return None
        return await asyncio.shield(self._count())

    def forget_all(self) -> None:
        """Watch no guest that there has been, whose event loop may be gone."""
        self._guests.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._counting = None

    def close(self) -> None:
        """Watch no more; twice is no error."""
        self._guests.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._closed = True
        if self._counting is None:
            self._close_folder()

    # --- inside ---

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PERIOD, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._guests:
            return
        if self._counting is None and (self._is_suspicious() or time.monotonic() >= self._next):
            self._count()
        self._look_later()

    def _is_suspicious(self) -> bool:
        """Whether the folder can have grown too much since the last count."""
        now = Counters.of(self._folder)
        size, entries = self._growth
        return (
            size + now.size - self._counters.size > self._size
            or entries + now.entries - self._counters.entries > self._entries
        )

    @property
    def _growth(self) -> tuple[int, int]:
        """By how many bytes and entries the folder had grown at the last count."""
        now, before = self._now, self._before
        if not before.complete or now.closed > before.closed:
            in_all = self._counters.size - self._begin.size
            return in_all, self._counters.entries - self._begin.entries
        return now.size - before.size, now.entries - before.entries

    def _count(self) -> asyncio.Task[str | None]:
        if self._counting is None:
            self._counting = asyncio.ensure_future(self._count_now())
            self._counting.add_done_callback(self._counted)
        return self._counting

    async def _count_now(self) -> str | None:
        begun = time.monotonic()
        counters = Counters.of(self._folder)
        if self._before.complete:
            self._now = await asyncio.to_thread(count, self._folder, self._most)
        self._nameless = await self._count_nameless(counters)
        self._counters = counters
        ended = time.monotonic()
        self._next = ended + max(REGULAR, (ended - begun) * _SHARE)
        return self._exceeded()

    def _exceeded(self) -> str | None:
        size, entries = self._growth
        if entries > self._entries or (self._now.too_deep and not self._before.too_deep):
            return "files"
        return "disk" if size + self._nameless > self._size else None

    async def _count_nameless(self, now: Counters) -> int:
        """What guests hold that is in no folder, if more has grown than was found."""
        unfound = now.size - self._begin.size - (self._now.size - self._before.size)
        pids = [pid for guest in self._guests if (pid := guest.pid) is not None]
        if unfound <= self._size or not pids:
            return 0
        device = os.fstat(self._folder).st_dev
        return await asyncio.to_thread(held_by, pids, device, self._size)

    def _counted(self, counting: asyncio.Task[str | None]) -> None:
        self._counting = None
        if self._closed:
            self._close_folder()
        if counting.cancelled() or counting.exception() is not None:
            return
        limit = counting.result()
        for guest in tuple(self._guests) if limit else ():
            guest.limit = limit
            guest.kill()

    def _close_folder(self) -> None:
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

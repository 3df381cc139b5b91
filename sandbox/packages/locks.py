"""Locks between tasks and processes: flock(2), which the kernel releases with its holder.

Each lock is an open file of its own, so two tasks of one process exclude each other like two
processes do, and nothing has to be cleaned up after one that was killed.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25


def try_lock(path: Path) -> int | None:
    """A descriptor that holds ``path`` alone until it is closed; ``None`` if another does."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if not _flock(fd, fcntl.LOCK_EX):
            os.close(fd)
            return None
        if _is_still(path, fd):
            return fd
        os.close(fd)  # its last holder removed the file; the next one is another lock


async def lock(path: Path, on_wait: Callable[[], None]) -> int:
    """Like :func:`try_lock`, but waits; ``on_wait`` is called once if it has to."""
    pause = _FIRST_PAUSE
    while (fd := try_lock(path)) is None:
        if pause == _FIRST_PAUSE:
            on_wait()
        # Asked again and again: a thread inside flock() could not be cancelled.
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    return fd


def release(path: Path, fd: int) -> None:
    """Give up a lock of :func:`try_lock` and leave no file behind."""
    path.unlink(missing_ok=True)
    os.close(fd)


def try_share(path: Path) -> int | None:
    """A descriptor that holds an existing ``path`` together with others.

    ``None`` if somebody holds it alone, or the file is gone.
    """
    return _open_and_lock(path, fcntl.LOCK_SH)


def try_claim(path: Path) -> int | None:
    """The same, but alone; never creates the file."""
    return _open_and_lock(path, fcntl.LOCK_EX)


def _open_and_lock(path: Path, kind: int) -> int | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    if _flock(fd, kind) and _is_still(path, fd):
        return fd
    os.close(fd)
    return None


def _flock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(path: Path, fd: int) -> bool:
    """Whether ``path`` still names the open file: it may have been removed meanwhile."""
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(fd))
    except FileNotFoundError:
        return False

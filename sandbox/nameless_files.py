"""Files that have no name any more and take room as long as guests hold them.

A program can write to a file that it has unlinked, or made without a name (O_TMPFILE): it is in no
folder, so that counting that finds nothing. The kernel tells who holds it: by a descriptor
(/proc/PID/task/TID/fd), by a mapping (maps), or in a message under way (scm_fds of fdinfo), see
proc(5). Of processes that this one may not look into nothing is known.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST = 4096
"""Threads looked into; a policy allows 128 of each guest by default."""
_MESSAGES = re.compile(r"^scm_fds:\s*([1-9]\d*)", re.MULTILINE)
_MAPPED = re.compile(r"^\S+ \S+ \S+ ([0-9a-f]+):([0-9a-f]+) (\d+) .*\(deleted\)$", re.MULTILINE)


def held_by(processes: Iterable[int], device: int, largest: int) -> int:
    """Bytes in files without a name on ``device`` that these hold, with all their descendants.

    A file whose size cannot be seen may have ``largest``.
    """
    sizes: dict[int, int] = {}
    messages = 0
    for task in _tasks(processes):
        sizes.update(_opened(task, device))
        for inode in _mapped(task, device):
            sizes.setdefault(inode, largest)
        messages += _under_way(task)
    return sum(sizes.values()) + messages * largest


def _tasks(processes: Iterable[int]) -> Iterator[str]:
    """The folder of each thread in /proc: each may have descriptors of its own."""
    pending, left = list(processes), _MOST
    while pending:
        folder = f"/proc/{pending.pop()}/task"
        for thread in _names(folder):
            left -= 1
            if left < 0:
                return
            yield f"{folder}/{thread}"
            pending += map(int, _text(f"{folder}/{thread}/children").split())


def _opened(task: str, device: int) -> Iterator[tuple[int, int]]:
    for fd in _names(f"{task}/fd"):
        with contextlib.suppress(OSError):
            info = Path(f"{task}/fd/{fd}").stat()
            if info.st_dev == device and not info.st_nlink:
                yield info.st_ino, info.st_blocks * 512


def _mapped(task: str, device: int) -> Iterator[int]:
    for major, minor, inode in _MAPPED.findall(_text(f"{task}/maps")):
        if os.makedev(int(major, 16), int(minor, 16)) == device:
            yield int(inode)


def _under_way(task: str) -> int:
    found = 0
    for fd in _names(f"{task}/fdinfo"):
        match = _MESSAGES.search(_text(f"{task}/fdinfo/{fd}"))
        found += int(match[1]) if match else 0
    return found


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  (there may be thousands)
    except OSError:  # it has ended, or may not be looked into
        return []


def _text(path: str) -> str:
    with contextlib.suppress(OSError):
        return Path(path).read_text(errors="replace")
    return ""

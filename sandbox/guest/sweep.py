"""Empties a folder that hostile code has filled: any depth, any names, any modes.

Every step goes by descriptor and follows no link. A folder inside is moved to the top before it is
emptied, so that depth costs neither stack nor descriptors.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from typing import Optional

_BATCH = 1000


def empty(folder: str, seconds: Optional[float] = None) -> bool:
    """Remove all that is in ``folder``; false when something is left, or time was up."""
    try:
        top = _open(folder, None)
    except OSError:
        return False
    try:
        return _Sweep(top, seconds).run()
    finally:
        os.close(top)


class _Sweep:
    def __init__(self, top: int, seconds: Optional[float]) -> None:
        self._top = top
        self._deadline = None if seconds is None else time.monotonic() + seconds
        # A name that nobody inside could foresee.
        self._prefix = f".swept-{os.urandom(8).hex()}-"
        self._number = 0
        self._pending: list[str] = []

    def run(self) -> bool:
        complete = self._strip(self._top)
        while self._pending:
            name = self._pending.pop()
            try:
                folder = _open(name, self._top)
            except OSError:
                complete = False
                continue
            try:
                complete &= self._strip(folder)
            finally:
                os.close(folder)
            with contextlib.suppress(OSError):  # then a part of it could not be removed
                os.rmdir(name, dir_fd=self._top)
        return complete

    def _strip(self, folder: int) -> bool:
        """Unlink the files of ``folder``, and move its folders to the top, to be done later."""
        while self._deadline is None or time.monotonic() < self._deadline:
            with os.scandir(folder) as entries:
                new = (entry for entry in entries if not entry.name.startswith(self._prefix))
                batch = list(itertools.islice(new, _BATCH))
            if not batch:
                return True
            if not sum(self._remove(entry, folder) for entry in batch):
                return False
        return False

    def _remove(self, entry: os.DirEntry[str], folder: int) -> bool:
        try:
            if entry.is_dir(follow_symlinks=False):
                self._move_to_top(entry.name, folder)
            else:
                os.unlink(entry.name, dir_fd=folder)
        except OSError:
            return False
        return True

    def _move_to_top(self, name: str, folder: int) -> None:
        if os.geteuid() != 0:
            # Whoever moves a folder must be able to write it, for its ".." changes (rename(2)).
            os.chmod(name, 0o700, dir_fd=folder)
        self._number += 1
        new = f"{self._prefix}{self._number}"
        os.rename(name, new, src_dir_fd=folder, dst_dir_fd=self._top)
        self._pending.append(new)


def _open(name: str, folder: Optional[int]) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, dir_fd=folder)

"""A file that the host writes beside what guests may have left, such as a saved notebook."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from ..errors import UsageError
from .folder import TargetFolder, put, write_all


class TargetFile:
    """A file that is written once, in a folder that is open from now on.

    Parameters
    ----------
    path, workdir:
        As of :class:`TargetFolder`; the folder must exist.

    Raises
    ------
    UsageError
        There is no such folder, or a link leads to it.
    """

    def __init__(self, path: Path | str, workdir: Path | str | None = None) -> None:
        self.path = Path(path)
        self._folder = TargetFolder(self.path.parent, workdir)
        if self._folder.is_missing:
            self._folder.close()
            raise UsageError(f"{self.path}: there is no such folder.")
        self._mode = self._present_mode()

    def _present_mode(self) -> int:
        """What a file that is there may be used for stays as it is, but for running it."""
        with contextlib.suppress(OSError):
            info = os.stat(self.path.name, dir_fd=self._folder.descriptor(), follow_symlinks=False)
            return info.st_mode & 0o666
        return 0o666

    def check(self) -> None:
        """Refuse what a file cannot take the place of, or what is there for another purpose.

        Raises
        ------
        UsageError
            A folder, link, pipe or device is there, or nothing can be written.
        """
        name, folder = self.path.name, self._folder.descriptor()
        with contextlib.suppress(FileNotFoundError):
            info = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(info.st_mode):
                raise UsageError(f"{self.path} is there and is no regular file; take another name.")
        if not self._folder.is_writable:
            raise UsageError(f"{self.path}: nothing can be written in that folder.")

    def write(self, data: bytes) -> None:
        """Put the file there, in place of what has its name.

        Raises
        ------
        OSError
            It cannot be written; nothing of it is left.
        """
        put(self._folder.descriptor(), self.path.name, lambda fd: write_all(fd, data), self._mode)

    def close(self) -> None:
        """Let the folder go; idempotent."""
        self._folder.close()

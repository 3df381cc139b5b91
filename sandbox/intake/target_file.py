"""A file that the host writes beside what guests may have left, such as a saved notebook."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import UsageError
from .folder import TargetFolder, put, write_all


class TargetFile:
    """A file that is written once, in a folder that is open from now on.

    Raises
    ------
    UsageError
        Its folder is not there or cannot be written, a link leads there, or something else than a
        file is in its place.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._folder = TargetFolder(self.path.parent)
        try:
            self._mode = self._checked_mode()
        except BaseException:
            self.close()
            raise

    def _checked_mode(self) -> int:
        """What a file that is there may be used for stays as it is, but for running it."""
        if self._folder.is_missing:
            raise UsageError(f"{self.path}: there is no such folder.")
        if not self._folder.is_writable:
            raise UsageError(f"{self.path}: nothing can be written in that folder.")
        folder = self._folder.descriptor()
        try:
            info = os.stat(self.path.name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return 0o666
        if not stat.S_ISREG(info.st_mode):
            raise UsageError(f"{self.path} is there and is no regular file; take another name.")
        return info.st_mode & 0o666

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

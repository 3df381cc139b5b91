"""Files in a folder that hostile code may write, handled from outside.

Every name is resolved by the kernel with openat2(2) below one descriptor: no symbolic link, no
``..`` and no magic link leads out, and only regular files are read. A :class:`Workspace` does not
know where its folder is, so it also works on a mount that has no path on this host.
"""

from __future__ import annotations

import contextlib
import errno
import mimetypes
import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from .errors import UsageError
from .guest import kernel
from .result import Artifact

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ENTRIES = 10_000
"""Folder entries looked at in one walk; a guest that makes more hides only its own files."""
MAX_DEPTH = 32
MAX_READ = 256 << 20
"""Largest file read into memory, in bytes."""

_CLOCK = 20_000_000
"""Nanoseconds by which the clock of a file system may lag behind (a tick of the kernel)."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the files at one time."""

    files: dict[str, tuple[int, int, int, int]]
    """Path → inode, size, mtime and ctime in ns. A guest cannot set a ctime."""
    taken: int
    """In ns after the epoch."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder open as ``dir_fd``, which the creator of this value owns and closes.

    ``owner`` is the uid and gid that files written from outside get, if not the caller's.
    """

    dir_fd: int
    owner: tuple[int, int] | None = None

    def snapshot(self) -> Snapshot:
        """The state of all regular files, to tell later which of them changed."""
        taken = time.time_ns() - _CLOCK
        return Snapshot({path: _state(info) for path, info in self._walk()}, taken)

    def artifacts(self, before: Snapshot) -> tuple[Artifact, ...]:
        """The regular files created or changed since ``before``, by path."""
        # In a folder with more files than a walk looks at, "not seen before" means nothing.
        partial = len(before.files) > MAX_ENTRIES // 2
        found = [
            _artifact(path, info)
            for path, info in self._walk()
            if before.files.get(path) != _state(info)
            and not (partial and info.st_ctime_ns < before.taken)
        ]
        return tuple(sorted(found, key=lambda artifact: artifact.path))

    def list_files(self) -> list[Artifact]:
        """All regular files, by path."""
        return list(self.artifacts(Snapshot({}, 0)))

    def read_file(self, path: str, limit: int = MAX_READ) -> bytes:
        """The content of one regular file of at most ``limit`` bytes.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        UsageError
            The path leaves the workspace, is not a regular file, or is too large.
        """
        with os.fdopen(self._open_regular(path, os.O_RDONLY), "rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise UsageError(f"{path!r} is larger than {limit:,} bytes.")
        return data

    def open_file(self, path: str) -> BinaryIO:
        """One regular file, open for reading without a buffer, whatever its size.

        Raises
        ------
        FileNotFoundError, UsageError
            As of :meth:`read_file`.
        """
        return os.fdopen(self._open_regular(path, os.O_RDONLY), "rb", buffering=0)

    def write_file(self, path: str, data: bytes) -> None:
        """Write a file, making the folders above it.

        Raises
        ------
        UsageError
            The path leaves the workspace, goes through a link, or is not a regular file.
        """
        parts = path.split("/")
        for depth in range(1, len(parts)):
            self._make_folder("/".join(parts[:depth]))
        fd = self._open_regular(path, os.O_WRONLY | os.O_CREAT, 0o644)
        with os.fdopen(fd, "wb") as file:
            os.ftruncate(fd, 0)
            if self.owner:
                os.fchown(fd, *self.owner)
            file.write(data)

    def _make_folder(self, path: str) -> None:
        try:
            os.close(self._open(path, os.O_DIRECTORY | os.O_RDONLY))
        except FileNotFoundError:
            above, _, name = path.rpartition("/")
            parent = self._open(above or ".", os.O_DIRECTORY | os.O_RDONLY)
            try:
                with contextlib.suppress(FileExistsError):  # made by another at this moment
                    os.mkdir(name, 0o755, dir_fd=parent)
                    if self.owner:
                        os.chown(name, *self.owner, dir_fd=parent, follow_symlinks=False)
            finally:
                os.close(parent)

    def _open_regular(self, path: str, flags: int, mode: int = 0) -> int:
        # O_NONBLOCK: opening a FIFO that a guest left there must not wait for its other end.
        fd = self._open(path, flags | os.O_NONBLOCK, mode)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise UsageError(f"{path!r} is not a regular file.")
        return fd

    def _open(self, path: str, flags: int, mode: int = 0) -> int:
        if not path or "\0" in path or not _is_text(path):
            raise UsageError(f"{path!r} is not the name of a file.")
        try:
            return kernel.open_beneath(self.dir_fd, path, flags | os.O_NOFOLLOW, mode)
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, "no such file in the workspace", path) from None
        except OSError as error:
            raise UsageError(_explain(path, error)) from error

    def _walk(self) -> Iterator[tuple[str, os.stat_result]]:
        """Regular files, folder by folder, within the budgets above."""
        folders, budget = [""], MAX_ENTRIES
        while folders:
            folder = folders.pop()
            try:
                fd = self._open(folder or ".", os.O_DIRECTORY | os.O_RDONLY)
            except (OSError, UsageError):
                continue  # it went away, or the guest made it unreadable
            try:
                with os.scandir(fd) as entries:
                    for entry in entries:
                        budget -= 1
                        if budget < 0:
                            return
                        info = entry.stat(follow_symlinks=False)
                        path = f"{folder}/{entry.name}" if folder else entry.name
                        if stat.S_ISDIR(info.st_mode) and path.count("/") < MAX_DEPTH:
                            folders.append(path)
                        elif stat.S_ISREG(info.st_mode) and _is_text(path):
                            yield path, info
            except OSError:
                continue
            finally:
                os.close(fd)


def _is_text(path: str) -> bool:
    """False for names that are not UTF-8: no result could carry them to where they are read."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _state(info: os.stat_result) -> tuple[int, int, int, int]:
    return (info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)


def _artifact(path: str, info: os.stat_result) -> Artifact:
    mime_type, _ = mimetypes.guess_type(path)
    return Artifact(path, info.st_size, mime_type or "application/octet-stream")


def _explain(path: str, error: OSError) -> str:
    if error.errno in (errno.EXDEV, errno.ELOOP):
        return f"{path!r} leads out of the workspace or through a link; name a file inside it."
    return f"{path!r} cannot be opened in the workspace: {os.strerror(error.errno or 0)}."

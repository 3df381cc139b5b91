"""Files that guests made, kept in a folder of the host.

Their names are given by :class:`KeptNames`, their bytes are counted, and their holes stay holes:
whatever a guest left, it takes no more room here than it may, and nothing here obeys it.
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from .folder import make_folder, put
from .kept_names import KeptNames
from .left_out import LeftOut
from .names import shown_name
from .sparse import copy_sparse

if TYPE_CHECKING:
    from collections.abc import Generator

    from .folder import TargetFolder

MAX_ENTRIES = 1000
"""Files and folders that are kept."""
MAX_TOLD = 1000
"""Files left out that are named."""
REWRITES = 8
"""How often the bytes that may be kept may be written, where a guest changes its files."""
SPARE = 64 << 20
"""Bytes that are left free on the disk of the host, for what is ours."""

_BLOCK = 4096
_MODE = 0o644

Inode = tuple[int, int, int, int, int]
"""What tells a file, and its content at one time: device, inode, size, times of change in ns."""


@dataclass(slots=True, eq=False)
class _Copy:
    """One file here, which may have several names."""

    size: int
    """Bytes that count."""
    of: Inode | None
    """The file of the guest, if that has several names."""
    paths: set[str] = field(default_factory=set[str])


@dataclass(slots=True)
class KeptFiles:
    """The folder ``below`` of another, with a budget.

    Parameters
    ----------
    limit:
        Bytes that are kept at one time, counted both as the files' sizes and as what they take on
        the disk.
    """

    folder: TargetFolder
    limit: int
    below: str = "files"
    left_out: dict[str, LeftOut] = field(default_factory=dict[str, LeftOut])
    """What is not kept as it is now, by the guest's name; no more than :data:`MAX_TOLD`."""
    more_left_out: int = 0
    _names: KeptNames = field(default_factory=KeptNames)
    _paths: dict[str, str] = field(default_factory=dict[str, str])
    _copies: dict[str, _Copy] = field(default_factory=dict[str, _Copy])
    """By their paths here."""
    _linked: dict[Inode, _Copy] = field(default_factory=dict[Inode, _Copy])
    _held: int = 0
    _written: int = 0

    @property
    def paths(self) -> dict[str, str]:
        """What is kept: from the guest's name to the path below the folder."""
        return {name: f"{self.below}/{path}" for name, path in self._paths.items()}

    def keep(self, name: str, source: BinaryIO) -> str | LeftOut:
        """Copy a file of the guest, in place of an earlier copy; the path below the folder.

        Parameters
        ----------
        source:
            The file itself, or its content in memory; it may change meanwhile.
        """
        try:
            kept = self._keep(name, source)
        except OSError as error:
            kept = LeftOut(f"it cannot be copied: {error.strerror or error}")
        if isinstance(kept, str):
            self.left_out.pop(name, None)
            self._paths[name] = kept
            return f"{self.below}/{kept}"
        return self.leave_out(name, kept)

    def leave_out(self, name: str, why: LeftOut) -> LeftOut:
        """Remember that a file is not kept as it is now."""
        if name in self._paths:
            why = LeftOut(f"{why.why}; an earlier copy is kept")
        if name in self.left_out or len(self.left_out) < MAX_TOLD:
            self.left_out[name] = why
        else:
            self.more_left_out += 1
        return why

    def refusal(self, name: str, size: int) -> LeftOut | None:
        """Why a file of so many bytes would not be kept, if it would not.

        A file with several names may still be, as one of an earlier copy.
        """
        if name not in self._paths and self._names.entries >= MAX_ENTRIES:
            return LeftOut(f"there are {MAX_ENTRIES:,} files and folders already")
        blocks = -(-size // _BLOCK) * _BLOCK
        if self._held - self._freed_by(name) + blocks > self.limit:
            return LeftOut(f"with it there would be more than {self.limit:,} bytes")
        if self._written + size > REWRITES * self.limit:
            return LeftOut(f"more than {REWRITES * self.limit:,} bytes were changed and kept")
        disk = os.statvfs(self.folder.descriptor())
        if blocks > disk.f_bavail * disk.f_frsize - SPARE:
            return LeftOut("the disk is nearly full")
        return None

    def _freed_by(self, name: str) -> int:
        """Bytes that count no more when another copy of the file takes this one's place."""
        path = self._paths.get(name, "")
        before = self._copies.get(path)
        return before.size if before is not None and before.paths == {path} else 0

    def _keep(self, name: str, source: BinaryIO) -> str | LeftOut:
        inode = _several_names(source)
        twin = None if inode is None else self._linked.get(inode)
        if twin is not None and (why := self.refusal(name, 0)) is None:
            path = self._names.of(name)
            if others := twin.paths - {path}:
                self._link(min(others), path)
                self._place(path, twin)
                return path
        size = source.seek(0, os.SEEK_END)
        if (why := self.refusal(name, size)) is not None:
            return why
        path = self._names.of(name)
        with self._parent(path) as (parent, last):
            info = put(parent, last, partial(copy_sparse, source, size), _MODE)
        self._written += size
        self._place(path, _Copy(max(size, info.st_blocks * 512), inode))
        return path

    def _place(self, path: str, copy: _Copy) -> None:
        """Count what is at ``path`` now; what was there counts while it has another name."""
        before = self._copies.get(path)
        if before is not None:
            before.paths.discard(path)
            if not before.paths:
                self._held -= before.size
                if before.of is not None and self._linked.get(before.of) is before:
                    del self._linked[before.of]
        if not copy.paths:
            self._held += copy.size
        copy.paths.add(path)
        self._copies[path] = copy
        if copy.of is not None:
            self._linked[copy.of] = copy

    def _link(self, twin: str, path: str) -> None:
        """Give the copy of a file that the guest has under two names its second one."""
        new = f".sandcrew-{secrets.token_hex(16)}"
        with self._parent(twin) as (source, name), self._parent(path) as (target, last):
            os.link(name, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
            try:
                os.rename(new, last, src_dir_fd=target, dst_dir_fd=target)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(new, dir_fd=target)

    @contextlib.contextmanager
    def _parent(self, path: str) -> Generator[tuple[int, str]]:
        """The folder of a kept file, made if need be, and the file's name in it."""
        *folders, last = [self.below, *path.split("/")]
        fd = os.dup(self.folder.descriptor())
        try:
            for folder in folders:
                below = make_folder(fd, folder)
                os.close(fd)
                fd = below
            yield fd, last
        finally:
            os.close(fd)

    def summary(self) -> str:
        """How many files have other names or are left out, if any."""
        renamed = [path for name, path in self.paths.items() if path != f"{self.below}/{name}"]
        missing = len(self.left_out) + self.more_left_out
        parts: list[str] = []
        if renamed:
            parts.append(f"{_files_are(len(renamed))} kept under another name: {renamed[0]}")
        if len(renamed) > 1:
            parts[0] += ", …"
        if missing:
            parts.append(f"{_files_are(missing)} left out")
        return "; ".join(parts)

    def account(self) -> list[str]:
        """The same with a line for each file, for who wants to know."""
        renamed = [
            f"{shown_name(name)} is kept as {self.below}/{path}"
            for name, path in self._paths.items()
            if name != path
        ]
        missing = [f"{shown_name(name)}: {why.why}" for name, why in self.left_out.items()]
        more = [f"and {self.more_left_out:,} more files"] if self.more_left_out else []
        return [*renamed, *(f"left out: {line}" for line in (*missing, *more))]


def _files_are(count: int) -> str:
    return "1 file is" if count == 1 else f"{count:,} files are"


def _several_names(source: BinaryIO) -> Inode | None:
    """Which file it is, if it has several names."""
    try:
        info = os.fstat(source.fileno())
    except io.UnsupportedOperation:
        return None
    if info.st_nlink < 2:
        return None
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns

"""The files and folders of the host that a policy names: opened once, without links.

A name can come to mean another file at any time: who may write in a folder above, such as code in a
sandbox around that folder, can put a link in its place. So a name is looked up once, and a link in
it is refused. What is opened then stands for the name: the host works by that descriptor, and
whoever needs the name again (another mount namespace, a container engine) has to find the same
device and inode there.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import PolicyError
from .guest import kernel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .policy import Policy

_LINKS = 40
"""Followed for one path, as path_resolution(7) has it."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

Identity = tuple[int, int]
"""Device and inode."""


def without_links(value: str | Path) -> Path:
    """``value`` as an absolute path in which no part is a link.

    Links in the root folder are followed if they belong to whom that belongs to, and nobody else
    may write there: some systems have ``/home`` as one. All others are refused: that code may have
    made them cannot be told.

    Raises
    ------
    PolicyError
        There is no such file, or a part is a link; it says where that leads.
    """
    pending = list(reversed(Path(value).expanduser().absolute().parts[1:]))
    path, links = Path("/"), 0
    while pending:
        part = pending.pop()
        path = path.parent if part == ".." else path / part
        try:
            target = path.readlink() if path.is_symlink() else None
        except OSError as error:
            raise PolicyError(f"{str(path)!r} cannot be looked at: {error.strerror}.") from error
        if target is None:
            continue
        links += 1
        if not _is_the_systems(path) or links > _LINKS:
            raise PolicyError(_refusal(value, path))
        pending += reversed([part for part in target.parts if part != "/"])
        path = Path("/") if target.is_absolute() else path.parent
    return path


def _is_the_systems(link: Path) -> bool:
    top = Path("/").stat()
    is_private = not top.st_mode & _OTHERS_WRITE
    return link.parent == Path("/") and is_private and link.lstat().st_uid == top.st_uid


def _refusal(value: str | Path, link: Path) -> str:
    which = "is" if link == Path(value).absolute() else f"goes through {str(link)!r}, which is"
    whole = os.path.realpath(value)
    return (
        f"{str(value)!r} {which} a symbolic link, which code in a sandbox may have made. If it "
        f"leads where you want, name that: {whole!r}."
    )


@dataclass(frozen=True, slots=True)
class Named:
    """One file or folder, open as the O_PATH descriptor ``fd``."""

    path: Path
    fd: int

    @property
    def identity(self) -> Identity:
        info = os.fstat(self.fd)
        return info.st_dev, info.st_ino

    def open_folder(self) -> int:
        """A descriptor for reading it as a folder, which the caller closes."""
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)


def open_named(key: str, path: Path) -> Named:
    """Open what the policy names as ``key``.

    Raises
    ------
    PolicyError
        It is not there any more, or there is a link in the path now.
    """
    try:
        return Named(path, kernel.open_without_links(kernel.AT_FDCWD, str(path), os.O_PATH))
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise PolicyError(f"{key}: {str(path)!r} cannot be opened without links: {why}.") from error


class NamedFiles:
    """All that a policy names, kept open until :meth:`close`."""

    def __init__(self, workdir: Named | None, read_only: Iterable[Named]) -> None:
        self.workdir = workdir
        self._read_only = tuple(read_only)

    @classmethod
    def open(cls, policy: Policy) -> NamedFiles:
        """Open them.

        Raises
        ------
        PolicyError
            One is not as it was when the policy was made.
        """
        opened: list[Named] = []
        try:
            opened.extend(open_named("read_only", Path(path)) for path in policy.read_only)
            workdir = open_named("workdir", Path(policy.workdir)) if policy.workdir else None
        except BaseException:
            for named in opened:
                os.close(named.fd)
            raise
        return cls(workdir, opened)

    @property
    def identities(self) -> Mapping[str, Identity]:
        """What each path has to be, wherever it is looked up again."""
        return {str(named.path): named.identity for named in self._all()}

    def close(self) -> None:
        """Close them; twice is no error."""
        for named in self._all():
            os.close(named.fd)
        self.workdir, self._read_only = None, ()

    def _all(self) -> Iterator[Named]:
        if self.workdir is not None:
            yield self.workdir
        yield from self._read_only

"""What guests leave in a folder of the caller's that are no files of its own there.

Pipes, sockets and devices make the tools of the caller wait, or talk to whom they do not mean: they
are removed. Symbolic links that lead out of the folder make such tools read or write elsewhere; but
environments and packages have honest ones, so they are told of and stay.

Guests may be at work meanwhile: each name is looked up below one descriptor, without following
links, and nothing is followed to find out where a link leads but by the kernel, beneath the folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import stat
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .folder_watch import MOST_COUNTED, MOST_LEVELS
from .guest import kernel
from .result import LINK, SPECIAL_FILE, UNSEEN, Denial

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_TOLD = 50
"""Of each kind, after one run."""
_LONGEST = 200
"""Characters of a target that are told."""
_DEVICES = frozenset({stat.S_IFCHR, stat.S_IFBLK})
_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_ALL = frozenset(_SPECIAL)
_NOTHING = frozenset[int]()


@dataclass
class _Found:
    """What one look found that was not known."""

    removed: list[Denial] = field(default_factory=list[Denial])
    links: list[Denial] = field(default_factory=list[Denial])
    unseen: list[Denial] = field(default_factory=list[Denial])

    def told(self) -> tuple[Denial, ...]:
        return tuple(
            denial
            for some in (self.removed, self.links, self.unseen)
            for denial in (*some[:MOST_TOLD], *_rest(some))
        )


class FolderSweep:
    """Looks through one folder for what was not there at its begin.

    ``more`` is how many entries guests may add: it looks at :data:`.folder_watch.MOST_COUNTED` and
    as many as that.

    What others than guests make there meanwhile cannot be told apart from what guests make.
    """

    def __init__(self, folder: int, more: int) -> None:
        self._folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        self._most = MOST_COUNTED + more
        self._known: set[bytes] = set()
        self._turn = threading.Lock()

    async def begin(self) -> None:
        """Know what is there before any guest is."""
        await asyncio.to_thread(self._look, _NOTHING)

    async def look(self, *, devices_only: bool) -> tuple[Denial, ...]:
        """Remove special files that are new, and tell of them and of new links that lead out.

        With ``devices_only`` guests could make no others: those are somebody else's.
        """
        return await asyncio.to_thread(self._look, _DEVICES if devices_only else _ALL)

    def close(self) -> None:
        """Look no more; twice is no error."""
        with self._turn:
            if self._folder >= 0:
                os.close(self._folder)
                self._folder = -1

    # --- inside ---

    def _look(self, unwanted: frozenset[int]) -> tuple[Denial, ...]:
        with self._turn:
            if self._folder < 0:
                return ()
            found = _Found()
            self._walk(unwanted, found)
            return found.told()

    def _walk(self, unwanted: frozenset[int], found: _Found) -> None:
        left = self._most
        pending = [""]
        while pending:
            path = pending.pop()
            try:
                for name, kind, folder in self._entries(path):
                    left -= 1
                    if left < 0:
                        self._unseen("", f"only {self._most:,} entries were looked at", found)
                        return
                    below = f"{path}/{name}" if path else name
                    if kind == stat.S_IFLNK:
                        self._on_link(folder, name, path, found)
                    elif kind in _SPECIAL:
                        self._on_special(folder, name, below, unwanted, found)
                    elif kind == stat.S_IFDIR and below.count("/") < MOST_LEVELS:
                        pending.append(below)
                    elif kind == stat.S_IFDIR:
                        self._unseen(below, "it is too deep to be looked into", found)
            except FileNotFoundError:
                continue  # it went away meanwhile
            except OSError as error:
                self._unseen(path, os.strerror(error.errno or 0), found)

    def _entries(self, path: str) -> Iterator[tuple[str, int, int]]:
        """Name and kind of each entry, with the descriptor of the folder it is in."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        fd = kernel.open_beneath(self._folder, path or ".", flags)
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):
                        yield entry.name, _kind(entry), fd
        finally:
            os.close(fd)

    def _on_special(
        self, folder: int, name: str, path: str, unwanted: frozenset[int], found: _Found
    ) -> None:
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
        kind = stat.S_IFMT(info.st_mode)
        # One that is only moved is not new.
        if not self._is_new("special", str(info.st_ino), str(kind)) or kind not in unwanted:
            return
        try:
            os.unlink(name, dir_fd=folder)
            self._forget("special", str(info.st_ino), str(kind))  # the number is used again
            why = f"{_SPECIAL[kind]}, which a work folder is not to have: removed"
        except OSError as error:
            why = f"{_SPECIAL[kind]} that could not be removed: {os.strerror(error.errno or 0)}"
        found.removed.append(Denial(SPECIAL_FILE, path, why))

    def _on_link(self, folder: int, name: str, above: str, found: _Found) -> None:
        target = os.readlink(name, dir_fd=folder)
        path = f"{above}/{name}" if above else name
        if self._leads_out(above, target) and self._is_new("link", path, target):
            shown = target if len(target) <= _LONGEST else f"{target[:_LONGEST]}…"
            found.links.append(Denial(LINK, path, f"leads out of the work folder, to {shown}"))

    def _leads_out(self, above: str, target: str) -> bool:
        """Whether a link in the folder ``above`` may lead out, now or when its target is made."""
        try:
            os.close(kernel.look_up_beneath(self._folder, f"{above}/{target}" if above else target))
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                return False  # it leads nowhere
            return error.errno != errno.ENOENT or _may_climb_out(above, target)
        return False

    def _unseen(self, path: str, why: str, found: _Found) -> None:
        if self._is_new("unseen", path, why):
            found.unseen.append(Denial(UNSEEN, path or ".", why))

    def _is_new(self, *parts: str) -> bool:
        """True the first time. Kept as digests: names and targets can be long, and many."""
        digest = _digest(parts)
        if digest in self._known:
            return False
        self._known.add(digest)
        return True

    def _forget(self, *parts: str) -> None:
        self._known.discard(_digest(parts))


def _digest(parts: tuple[str, ...]) -> bytes:
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=16).digest()


def _kind(entry: os.DirEntry[str]) -> int:
    """The kind of a file: from the folder where that has it, so that most need no look of their
    own."""
    if entry.is_symlink():
        return stat.S_IFLNK
    if entry.is_dir(follow_symlinks=False):
        return stat.S_IFDIR
    if entry.is_file(follow_symlinks=False):
        return stat.S_IFREG
    return stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode)


def _may_climb_out(above: str, target: str) -> bool:
    """Whether a target that is not there could lead above the folder.

    What comes before a ``..`` may be a link some day: then that leads anywhere.
    """
    level = above.count("/") + 1 if above else 0
    named = False
    for part in target.split("/"):
        if part == "..":
            level -= 1
            if named or level < 0:
                return True
        elif part not in ("", "."):
            named = True
    return target.startswith("/")


def _rest(some: list[Denial]) -> tuple[Denial, ...]:
    more = len(some) - MOST_TOLD
    return (Denial(some[0].kind, f"{more:,} more", "of the same kind"),) if more > 0 else ()

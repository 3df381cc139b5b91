"""The caller's folder as the engine is to mount it as the workspace."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...sandbox.errors import PolicyError
from ...sandbox.guest import kernel
from ...sandbox.launcher import GUEST
from ...sandbox.temporary import abandoned, new_path
from .engine import to_the_end

if TYPE_CHECKING:
    from pathlib import Path

    from ...sandbox.named import Named

_KIND = "mount"
_ATTACH = """\
import sys
sys.path.insert(0, sys.argv[1])
from guest.idmap import attach
attach(*sys.argv[2:])
"""


@dataclass(frozen=True, slots=True)
class BoundFolder:
    """A folder of the caller's, and how the engine finds it."""

    named: Named
    """The folder, open as long as this is."""
    source: Path
    """The folder itself, or a mount of it under the id of the container, where root asks."""

    @classmethod
    async def create(cls, named: Named, uid: int) -> BoundFolder:
        """For a container of the user ``uid``; a mount is to be removed once it has started.

        Raises
        ------
        PolicyError
            Its file system cannot show it under another owner.
        """
        return await to_the_end(
            asyncio.to_thread(cls._create, named, uid),
            lambda made: asyncio.to_thread(made.remove),
        )

    @classmethod
    def _create(cls, named: Named, uid: int) -> BoundFolder:
        folder = named.path
        if uid == os.geteuid() or os.fstat(named.fd).st_uid == uid:
            return cls(named, folder)
        bound = cls(named, new_path(_KIND))
        bound.source.mkdir(mode=0o700)
        # In a process of its own, for it forks, which this one, with its threads, better does not.
        command = [sys.executable, "-I", "-B", "-c", _ATTACH, str(GUEST.parent)]
        try:
            subprocess.run(
                [*command, str(folder), *map(str, (*named.identity, uid)), str(bound.source)],
                check=True,
                capture_output=True,
                text=True,
            )
        except subprocess.CalledProcessError as error:
            bound.remove()
            why = str(error.stderr).strip().rpartition("\n")[2]
            raise PolicyError(
                f"workdir: {folder} cannot be shown to a container under another user id ({why}). "
                "Start sandcrew as the owner of the folder instead of root, or put the folder on "
                "ext4, xfs, btrfs or tmpfs."
            ) from error
        return bound

    def is_at(self, descriptor: int) -> bool:
        """True when an open folder is this one, wherever it was opened."""
        return os.path.samestat(os.fstat(descriptor), os.fstat(self.named.fd))

    def remove(self) -> None:
        """Remove the mount, if it is one; the folder is not touched. Twice is no error."""
        if self.source != self.named.path and self.source.exists():
            _remove(self.source)


def reap() -> None:
    """Remove the mounts of owners who are dead."""
    if os.geteuid() != 0:
        return
    for path in abandoned(_KIND):  # a mount shows the owner of what is mounted there
        with contextlib.suppress(OSError):  # another process reaps at the same time
            _remove(path)


def _remove(mount: Path) -> None:
    """Neither step follows a link that somebody has put there instead."""
    with contextlib.suppress(OSError):  # not mounted
        kernel.umount(str(mount), kernel.MNT_DETACH | kernel.UMOUNT_NOFOLLOW)
    mount.rmdir()  # which removes nothing but an empty folder

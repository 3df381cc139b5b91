"""Folders of the host that a sandbox without mounts uses for its workspace, home and /tmp."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import temporary
from .guest import sweep

if TYPE_CHECKING:
    from pathlib import Path

_KIND = "private"


@dataclass(frozen=True, slots=True)
class PrivateFolders:
    """The folders of one sandbox: made by :meth:`create`, gone after :meth:`remove`."""

    base: Path

    @classmethod
    def create(cls, owner: int | None) -> PrivateFolders:
        """Make them in the temporary folder, for guests of the user id ``owner`` or the caller's.

        Raises
        ------
        OSError
            There is no room, or no permission.
        """
        folders = cls(temporary.new_path(_KIND))
        folders.base.mkdir(mode=0o700)
        (folders.base / "tmp").mkdir(mode=0o700)  # of all runs, each of which makes its own in it
        for folder in (folders.workspace, folders.home):
            folder.mkdir(mode=0o700)
        if owner is not None:  # who passes through the outermost, and cannot list it
            folders.base.chmod(0o711)
            for folder in (folders.base / "tmp", folders.workspace, folders.home):
                os.chown(folder, owner, owner)
        return folders

    @property
    def workspace(self) -> Path:
        return self.base / "workspace"

    @property
    def home(self) -> Path:
        return self.base / "home"

    def remove(self) -> None:
        """Remove them with all that is in them; no guest may be alive."""
        _remove(self.base)


def reap() -> None:
    """Remove what owners left who are dead."""
    temporary.reap(_KIND, _remove)


def _remove(folder: Path) -> None:
    if sweep.empty(str(folder)):
        folder.rmdir()

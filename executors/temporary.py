"""Temporary folders of which none outlives its owner for long."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

from ..sandbox.temporary import abandoned, is_ours, new_path

if TYPE_CHECKING:
    from pathlib import Path


def make_folder(kind: str) -> Path:
    """A new private folder for ``kind``; those that killed owners left are removed first."""
    for left in abandoned(kind):
        with contextlib.suppress(OSError):  # another process reaps at the same time
            if is_ours(left):
                remove_folder(left)
    folder = new_path(kind)
    folder.mkdir(mode=0o700)
    return folder


def remove_folder(folder: Path) -> None:
    """Remove it with all that is in it; no error if it is gone."""
    shutil.rmtree(folder, ignore_errors=True)

"""Temporary folders that carry the name of their owner, so that none outlives it for long."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from ..sandbox import owner


def make_folder(kind: str) -> Path:
    """A new private folder for ``kind``; those that killed owners left are removed first."""
    prefix = f"sandcrew-{kind}-"
    _reap(prefix)
    return Path(tempfile.mkdtemp(prefix=f"{prefix}{owner.this_process()}-"))


def remove_folder(folder: Path) -> None:
    """Remove it with all that is in it; no error if it is gone."""
    shutil.rmtree(folder, ignore_errors=True)


def _reap(prefix: str) -> None:
    """Remove what owners left who were killed; no link is followed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        whose = folder.name.removeprefix(prefix).rpartition("-")[0]
        with contextlib.suppress(OSError):  # another process reaps at the same time
            mine = not folder.is_symlink() and folder.lstat().st_uid == os.geteuid()
            if mine and not owner.is_alive(whose):
                remove_folder(folder)

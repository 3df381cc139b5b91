"""Paths in the temporary folder that name their owner, so that none outlives it for long."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .owner import is_alive, this_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def new_path(kind: str) -> Path:
    """A path for something new of this process, which nobody else can foresee."""
    return _parent() / f"{_prefix(kind)}{this_process()}-{secrets.token_hex(8)}"


def abandoned(kind: str) -> Iterator[Path]:
    """What dead owners left, by their names.

    Everybody may give something such a name, and may exchange what is their own at any time: who
    does not use :func:`reap` removes it in a way that follows no link.
    """
    for path in _parent().glob(f"{_prefix(kind)}*"):
        if not is_alive(path.name.removeprefix(_prefix(kind)).rpartition("-")[0]):
            yield path


def reap(kind: str, remove: Callable[[Path], object]) -> None:
    """Remove what dead owners left of this user's."""
    for path in abandoned(kind):
        with contextlib.suppress(OSError):  # another process reaps at the same time
            if _is_ours(path):
                remove(path)


def make_folder(kind: str) -> Path:
    """A new private folder; those that killed owners left are removed first."""
    reap(kind, remove_folder)
    folder = new_path(kind)
    folder.mkdir(mode=0o700)
    return folder


def remove_folder(folder: Path) -> None:
    """Remove it with all that is in it; no error if it is gone."""
    shutil.rmtree(folder, ignore_errors=True)


def _is_ours(path: Path) -> bool:
    """No link, and this user's: nobody else can exchange it where /tmp is as it should be."""
    info = path.lstat()
    return not stat.S_ISLNK(info.st_mode) and info.st_uid == os.geteuid()


def _prefix(kind: str) -> str:
    return f"sandcrew-{kind}-"


def _parent() -> Path:
    return Path(tempfile.gettempdir()).resolve()

"""Paths in the temporary folder that name their owner, so that none outlives it for long."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .owner import is_alive, this_process

if TYPE_CHECKING:
    from collections.abc import Iterator


def new_path(kind: str) -> Path:
    """A path for something new of this process, which nobody else can foresee."""
    return _parent() / f"{_prefix(kind)}{this_process()}-{secrets.token_hex(8)}"


def abandoned(kind: str) -> Iterator[Path]:
    """What dead owners left, by their names.

    Everybody may give something such a name, and may exchange what is their own at any time: see
    :func:`is_ours`, or remove it in a way that follows no link.
    """
    for path in _parent().glob(f"{_prefix(kind)}*"):
        if not is_alive(path.name.removeprefix(_prefix(kind)).rpartition("-")[0]):
            yield path


def is_ours(path: Path) -> bool:
    """True for a folder of this user's: nobody else can exchange it where /tmp is as it should be.

    Raises
    ------
    OSError
        It is gone.
    """
    info = path.lstat()
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid()


def _prefix(kind: str) -> str:
    return f"sandcrew-{kind}-"


def _parent() -> Path:
    return Path(tempfile.gettempdir()).resolve()

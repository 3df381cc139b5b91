"""Which files of the host a policy may name."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, cast

from .errors import PolicyError
from .named import without_links

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PLACES_INSIDE = tuple(map(Path, ("/workspace", "/home/sandbox", "/dev/shm")))  # noqa: S108
"""Where guests have folders of their own, under which the host's could not be seen."""
_KERNEL = tuple(map(Path, ("/proc", "/sys", "/dev", "/run", "/var/run")))
"""What shows the whole host, or holds the sockets of its services."""
_LOOKED_AT = 5_000
"""Entries of a folder looked at for what must not be in it."""


def shown_path(value: str | Path) -> Path:
    """``value`` as a file or folder that guests may be shown: :func:`.named.without_links`.

    Raises
    ------
    PolicyError
        There is no such file, it is named by way of a link, or it would open more than files: a
        socket is a way to whoever listens on it, and no read-only mount closes it.
    """
    if not str(value) or "\0" in str(value):
        raise PolicyError(f"{str(value)!r} is not a path.")
    path = without_links(value)
    if not path.exists():
        raise PolicyError(f"{str(value)!r} does not exist.")
    if path == Path("/") or any(_is_in(path, place) for place in _KERNEL):
        raise PolicyError(f"{str(path)!r} would show the whole host; name less.")
    require_visible(path)
    for found in _ways_out(path):
        raise PolicyError(
            f"{str(found)!r} is a socket, pipe or device, by which code could reach other "
            "programs; name a folder without it."
        )
    return path


def workspace_path(value: str | Path) -> Path:
    """``value`` as a folder that may be the workspace.

    Raises
    ------
    PolicyError
        It is no folder, or one that :func:`shown_path` refuses.
    """
    path = shown_path(value)
    if not path.is_dir():
        raise PolicyError(f"{str(value)!r} is not a folder.")
    return path


def require_visible(path: Path) -> None:
    """Refuse a path where guests have folders of their own.

    Raises
    ------
    PolicyError
        Guests could not see it.
    """
    for place in _PLACES_INSIDE:
        if _is_in(path, place):
            raise PolicyError(f"{str(path)!r} lies where guests have their own {place}; move it.")
    if path == Path("/tmp"):  # noqa: S108
        raise PolicyError("guests have their own /tmp; name a folder in it.")


def require_apart(read_only: tuple[Path, ...], workdir: Path | None) -> None:
    """Refuse a workspace that holds, or lies in, what is only to be read.

    Raises
    ------
    PolicyError
        They overlap.
    """
    for path in read_only:
        if workdir is not None and (_is_in(path, workdir) or _is_in(workdir, path)):
            raise PolicyError(
                f"read_only: {str(path)!r} and the workspace {str(workdir)!r} overlap."
            )


def require_folders(workdir: Path | None, names: Sequence[str] | None) -> None:
    """Refuse folders of a workspace that it does not have.

    Raises
    ------
    PolicyError
        There is no workspace of the host, or in it no such folder.
    """
    if names is not None and workdir is None:
        raise PolicyError(
            "writable: a fresh workspace can be written; name a 'workdir' or neither."
        )
    for name in names or ():
        folder = cast("Path", workdir) / name
        if folder.is_symlink() or not folder.is_dir():
            raise PolicyError(f"writable: {str(folder)!r} is no folder; make it before.")


def _is_in(path: Path, place: Path) -> bool:
    return place in (path, *path.parents)


def _ways_out(path: Path) -> Iterator[Path]:
    """Sockets, pipes and devices at ``path`` or near the top of the folder."""
    if not path.is_dir():
        if not stat.S_ISREG(path.stat().st_mode):
            yield path
        return
    folders, left = [path], _LOOKED_AT
    while folders:
        try:
            entries = list(os.scandir(folders.pop(0)))
        except OSError:
            continue  # what we cannot look into, guests cannot either
        for entry in entries:
            left -= 1
            if left < 0:
                return
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            elif not (entry.is_file(follow_symlinks=False) or entry.is_symlink()):
                yield Path(entry.path)

"""The folder of the cache: whose it must be, and how trees in it are sealed and removed."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path

from ..errors import BackendUnavailable


def default_folder() -> Path:
    """``$XDG_CACHE_HOME/sandcrew/packages``, with ``~/.cache`` where that is not set."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG base directory specification: a relative path is to be ignored.
    base = Path(named) if named.startswith("/") else Path.home() / ".cache"
    return base / "sandcrew" / "packages"


def open_folder(folder: Path) -> Path:
    """Make ``folder`` (0700) if need be, and its real path if nobody else can write in it.

    Guests import what lies there, so whoever can write there decides what they run.

    Raises
    ------
    BackendUnavailable
        It, or a folder it lies in, belongs to or can be written by another user.
    """
    try:
        if folder.is_symlink():
            raise _refusal(folder, "it is a symbolic link")
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        real = folder.resolve(strict=True)
        found = real.stat()
        if found.st_uid != os.geteuid():
            raise _refusal(real, f"it belongs to the user with id {found.st_uid}")
        if found.st_mode & 0o022:
            raise _refusal(real, f"others may write in it (mode {stat.S_IMODE(found.st_mode):04o})")
        for parent in real.parents:
            _check_parent(real, parent)
    except OSError as error:
        raise _refusal(folder, str(error)) from error
    return real


def _check_parent(folder: Path, parent: Path) -> None:
    found = parent.stat()
    if found.st_uid not in (0, os.geteuid()):
        raise _refusal(folder, f"{parent} belongs to the user with id {found.st_uid}")
    if found.st_mode & stat.S_ISVTX:  # like /tmp: nobody renames another's folder there
        return
    # Where each user has a group of their own, folders of mode 0775 are nothing unusual.
    own_group = found.st_gid == os.getegid() and found.st_uid == os.geteuid()
    if found.st_mode & (0o002 if own_group else 0o022):
        mode = stat.S_IMODE(found.st_mode)
        raise _refusal(folder, f"others may write in {parent} (mode {mode:04o})")


def _refusal(folder: Path, why: str) -> BackendUnavailable:
    return BackendUnavailable(
        f"the package cache {folder}",
        why=why,
        remedy="Name a folder that only you can write in, with XDG_CACHE_HOME for example.",
    )


def _make_writable(folder: Path) -> None:
    """Let the owner change the folders of a sealed tree again."""
    folder.chmod(0o700)
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o700)


def delete_tree(folder: Path) -> None:
    """Remove a tree, sealed or not; what cannot be removed now is left for the next reaper."""
    with contextlib.suppress(OSError):  # going away under our hands is what it is meant to do
        _make_writable(folder)
    shutil.rmtree(folder, ignore_errors=True)


def find_irregular(folder: Path) -> Path | None:
    """Something in a tree, or the tree itself, that is neither a folder nor a file of its own.

    A wheel holds nothing else. A link would let whoever made it choose what is changed or read
    here on the host.
    """
    if not stat.S_ISDIR(folder.lstat().st_mode):
        return folder
    for parent, folders, names in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *names)):
            found = path.lstat()
            own_file = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
            if not own_file and not stat.S_ISDIR(found.st_mode):
                return path
    return None


def seal_tree(folder: Path) -> tuple[int, int]:
    """Make a regular tree readable for all and writable for none; bytes and files in it.

    Set-user-id and other special bits go.
    """
    size = files = 0
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(parent, name)
            found = path.lstat()
            path.chmod(0o555 if found.st_mode & 0o111 else 0o444)
            size, files = size + found.st_size, files + 1
        Path(parent).chmod(0o555)
    return size, files

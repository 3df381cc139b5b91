"""Copies the files of a guest for its branch, while the guest may go on changing them."""

from __future__ import annotations

import errno
import os
import stat

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 30
_CANNOT_SHARE = (errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)
_MOST = 100_000
"""Files and folders that are copied; more are refused."""


def copy_tree(source: int, target: str) -> None:
    """Copy what is in the folder ``source`` (a descriptor) into the folder ``target``.

    Files, folders and symbolic links are copied with their modes and times; what else there is
    (pipes, sockets) is not, nor is what the target has already. No link is followed.

    Raises
    ------
    OSError
        It does not fit, or there is too much of it.
    """
    left = _MOST
    start = os.open(".", _FLAGS | os.O_DIRECTORY, dir_fd=source)
    folders = [(start, target)]
    try:
        while folders:
            folder, path = folders.pop()
            try:
                for name in os.listdir(folder):
                    left -= 1
                    if left < 0:
                        raise OSError(f"more than {_MOST:,} files are in the workspace")
                    _copy(folder, name, os.path.join(path, name), folders)
            finally:
                os.close(folder)
    finally:
        for folder, _ in folders:
            os.close(folder)


def _copy(folder: int, name: str, target: str, folders: list[tuple[int, str]]) -> None:
    try:
        if os.path.lexists(target):  # the sandbox has put it there, as it did in the source
            return
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(info.st_mode):
            os.symlink(os.readlink(name, dir_fd=folder), target)
            return
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode)):
            return
        fd = os.open(name, _FLAGS, dir_fd=folder)
    except (FileNotFoundError, PermissionError):  # it went away, or nobody may read it
        return
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        os.mkdir(target, 0o700 | info.st_mode & 0o777)
        folders.append((fd, target))
        return
    try:
        _copy_file(fd, target, info)
    finally:
        os.close(fd)


def _copy_file(source: int, path: str, info: os.stat_result) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    target = os.open(path, flags, info.st_mode & 0o777)
    try:
        copy = _share
        while True:
            try:
                if not copy(source, target):
                    break
            except OSError as error:
                if copy is _share and error.errno in _CANNOT_SHARE:
                    copy = _send
                    continue
                raise OSError(error.errno, f"{path} cannot be copied: {error.strerror}") from error
        os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
    finally:
        os.close(target)


def _share(source: int, target: int) -> int:
    """Copy by sharing blocks, where both are on a file system that can: copy_file_range(2)."""
    return os.copy_file_range(source, target, _CHUNK)


def _send(source: int, target: int) -> int:
    return os.sendfile(target, source, None, _CHUNK)

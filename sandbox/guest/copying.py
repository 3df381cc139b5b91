"""Copies the files of a guest for its branch, while the guest may go on changing them."""

from __future__ import annotations

import errno
import os
import stat

from . import kernel

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 30
_CANNOT_SHARE = (errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)
_CHANGED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.EACCES)
"""What a folder answers that is not there any more, or another thing now, or closed."""
_MOST = 100_000
"""Files and folders that are copied; more are refused."""


def copy_tree(source: int, target: str) -> None:
    """Copy what is in the folder ``source`` (a descriptor) into the folder ``target``.

    Files, folders and symbolic links are copied with their modes, and files with their times; what
    else there is (pipes, sockets) is not, nor is what the target has already, nor what is in files
    and folders that their own modes close. No link is followed. A file with several names becomes
    several files, and holes of a file are filled.

    Raises
    ------
    OSError
        It does not fit, or there is too much of it.
    """
    left = _MOST
    paths = ["."]
    while paths:
        path = paths.pop()
        try:
            # By its path, for a descriptor for each that is still to come would be too many.
            folder = _open(source, path)
        except OSError as error:
            if error.errno in _CHANGED:
                continue
            raise OSError(error.errno, f"{path[:100]}: {os.strerror(error.errno or 0)}") from error
        try:
            for name in os.listdir(folder):
                left -= 1
                if left < 0:
                    raise OSError(f"more than {_MOST:,} files are in the workspace")
                if _copy(folder, name, os.path.normpath(os.path.join(target, path, name))):
                    paths.append(os.path.join(path, name))
        finally:
            os.close(folder)


def _open(source: int, path: str) -> int:
    """Open a folder below ``source`` without following a link."""
    flags = _FLAGS | os.O_DIRECTORY
    try:
        return kernel.open_beneath(source, path, flags)
    except OSError as error:
        if error.errno != errno.ENOSYS:  # which programs may not call: seccomp of the host
            raise
    folder = os.open(".", flags, dir_fd=source)
    for name in path.split("/"):
        above = folder
        try:
            folder = os.open(name, flags, dir_fd=above)
        finally:
            os.close(above)
    return folder


def _copy(folder: int, name: str, target: str) -> bool:
    """Copy what is called ``name``; true for a folder, which then is there, and empty."""
    try:
        if os.path.lexists(target):  # the sandbox has put it there, as it did in the source
            return False
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            os.mkdir(target, 0o700 | info.st_mode & 0o777)
            return True
        if stat.S_ISLNK(info.st_mode):
            os.symlink(os.readlink(name, dir_fd=folder), target)
            return False
        if not stat.S_ISREG(info.st_mode):
            return False
        fd = os.open(name, _FLAGS, dir_fd=folder)
    except (FileNotFoundError, PermissionError):  # it went away, or nobody may read it
        return False
    try:
        _copy_file(fd, target, info)
    finally:
        os.close(fd)
    return False


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

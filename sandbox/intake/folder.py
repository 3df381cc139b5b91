"""A folder of the host that files are put into, by descriptor.

What guests may write can change at any time and lead anywhere. So the folder is looked up once,
before they run, and a file in it is written under a new name that nobody else has, and then takes
the place of whatever has its name: a link that a guest put there is replaced, never followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..guest import kernel
from ..named import without_links

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PLACE = os.O_PATH | os.O_DIRECTORY
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class TargetFolder:
    """A folder, or where it will be made; open until :meth:`close`.

    Parameters
    ----------
    path:
        As the user gave it. It is made at the first write, with the folders above it.

    Raises
    ------
    UsageError
        It cannot be opened, or there is a link in the path, as a guest may have left there.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = without_links(path)
        self._missing: list[str] = []
        self._fd = self._open_existing()

    def _open_existing(self) -> int:
        """The folder itself, or the nearest above it that exists."""
        place = self.path
        while True:
            try:
                return kernel.open_without_links(kernel.AT_FDCWD, str(place), _PLACE)
            except FileNotFoundError:
                self._missing.insert(0, place.name)
                place = place.parent
            except OSError as error:
                why = os.strerror(error.errno or 0)
                raise UsageError(f"{place} cannot be used as a folder: {why}.") from error

    @property
    def is_missing(self) -> bool:
        """Whether it is still to be made."""
        return bool(self._missing)

    @property
    def is_writable(self) -> bool:
        """Whether this process may make something there."""
        return os.access(".", os.W_OK | os.X_OK, dir_fd=self._fd)

    def descriptor(self) -> int:
        """The folder as a descriptor of this object, made if it is missing.

        Raises
        ------
        OSError
            It cannot be made.
        """
        while self._missing:
            below = make_folder(self._fd, self._missing[0])
            os.close(self._fd)
            self._fd = below
            del self._missing[0]
        return self._fd

    def close(self) -> None:
        """Let the folder go; idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def make_folder(folder: int, name: str) -> int:
    """The folder ``name`` in another, as a descriptor, made if nothing is there.

    Raises
    ------
    OSError
        Something else is there, a link for example, or it cannot be made.
    """
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=folder)
    return kernel.open_beneath(folder, name, _PLACE)


def put(folder: int, name: str, fill: Callable[[int], object], mode: int) -> os.stat_result:
    """Put a new file into a folder, in place of what has its name there; what it is then.

    Parameters
    ----------
    fill:
        Writes the content to a descriptor.

    Raises
    ------
    OSError
        It cannot be written, or a folder has the name; nothing of the file is left.
    """
    new = f".sandcrew-{secrets.token_hex(16)}"
    fd = os.open(new, _NEW, mode, dir_fd=folder)
    try:
        fill(fd)
        info = os.fstat(fd)
        os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
        if not os.path.samestat(info, os.stat(name, dir_fd=folder, follow_symlinks=False)):
            raise OSError(errno.EBUSY, "it was exchanged while it was written", name)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new, dir_fd=folder)
        raise
    finally:
        os.close(fd)
    return info


def write_all(fd: int, data: bytes) -> None:
    """Write all of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]

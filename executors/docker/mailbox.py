"""The folder by which a container finds its guest program and the way to its host.

It is mounted read-only. The guest connects to the host, so that nothing inside can answer in the
host's place, and a socket can be connected to on a read-only mount.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import marshal
import os
import socket
import struct
import zipfile
from dataclasses import dataclass
from importlib.util import MAGIC_NUMBER, source_hash
from typing import TYPE_CHECKING

from ...sandbox import temporary
from ...sandbox.launcher import GUEST
from ...sandbox.rootfs import LOCAL_HOSTS

if TYPE_CHECKING:
    from pathlib import Path

MOUNTED = "/run/sandcrew"
"""Where containers see it."""
_KIND = "container"
_GUEST, _SOCKET = "guest.pyz", "socket"
HOSTS = "hosts"
"""What is to be ``/etc/hosts`` where the engine writes none."""
COMMAND = ("-I", "-B", f"{MOUNTED}/{_GUEST}", f"{MOUNTED}/{_SOCKET}")
"""What an interpreter in a container is to run."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A folder of the host with the guest program and a listening socket, which is private."""

    folder: Path
    listener: socket.socket

    @classmethod
    def create(cls, owner: tuple[int, int]) -> Mailbox:
        """Make it in the temporary folder, for the user and group ids of the container.

        Raises
        ------
        OSError
            There is no room, or no permission.
        """
        folder = temporary.new_path(_KIND)
        folder.mkdir(mode=0o700)
        listener = socket.socket(socket.AF_UNIX)
        try:
            (folder / _GUEST).write_bytes(_guest())
            (folder / HOSTS).write_text(LOCAL_HOSTS)
            fd = os.open(folder, os.O_PATH | os.O_DIRECTORY)
            try:  # by way of the descriptor: an address holds 107 bytes (unix(7))
                listener.bind(f"/proc/self/fd/{fd}/{_SOCKET}")
            finally:
                os.close(fd)
            listener.listen(1)
            listener.setblocking(False)
            for name in (_GUEST, HOSTS):
                (folder / name).chmod(0o444)
            (folder / _SOCKET).chmod(0o600)
            if os.geteuid() == 0:  # the folder stays root's, so that nobody can exchange it
                os.chown(folder / _SOCKET, *owner)
                folder.chmod(0o711)
        except BaseException:
            cls(folder, listener).remove()
            raise
        return cls(folder, listener)

    async def accept(self, uid: int) -> tuple[socket.socket, int]:
        """Wait for the guest, a process of the user ``uid``; its number on this host comes along.

        It is 0 where that cannot be seen from here.
        """
        while True:
            sock, _ = await asyncio.get_running_loop().sock_accept(self.listener)
            credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            pid, peer, _ = struct.unpack("3i", credentials)
            if peer == uid:
                return sock, pid
            sock.close()

    def remove(self) -> None:
        self.listener.close()
        _remove(self.folder)


def reap() -> None:
    """Remove what owners left who are dead."""
    temporary.reap(_KIND, _remove)


def _remove(folder: Path) -> None:
    for name in (_GUEST, _SOCKET, HOSTS):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):  # somebody has cleaned up
        folder.rmdir()


@functools.cache
def _guest() -> bytes:
    """The guest program as one file, which an interpreter runs as it is (zipapp)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(GUEST.glob("*.py")):
            source = path.read_bytes()
            archive.writestr(zipfile.ZipInfo(path.name), source)
            archive.writestr(zipfile.ZipInfo(f"{path.name}c"), _compiled(path.name, source))
    return buffer.getvalue()


def _compiled(name: str, source: bytes) -> bytes:
    """For an interpreter of the same version as this; any other one passes over it (zipimport).

    Of the form that is not compared with the source (PEP 552).
    """
    code = compile(source, f"{MOUNTED}/{_GUEST}/{name}", "exec", dont_inherit=True)
    unchecked = (1).to_bytes(4, "little")
    return MAGIC_NUMBER + unchecked + source_hash(source) + marshal.dumps(code)

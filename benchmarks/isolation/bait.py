"""What the harness plants on the host for attacks to find, and takes away afterwards.

Everything here is of this process: its environment, its home, its descriptors, its memory, its
shared memory and keys. What one run could spoil for another is in :mod:`.place`.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import socket
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...sandbox import errors

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

_HOME_FILES = (
    ".ssh/id_ed25519",
    ".aws/credentials",
    ".docker/config.json",
    ".kube/config",
    ".netrc",
    ".bash_history",
)
_SYS_ADD_KEY, _SYS_KEYCTL = 248, 250
_KEYCTL_REVOKE, _USER_KEYRING = 3, -4
_AT_FDCWD = -100
_SHM_CREATE, _IPC_RMID = 0o1644, 0


class Bait:
    """The bait of a suite: where it is (``places``), and what it is (``secrets``).

    No attack is told a secret; one that is in the output of a run was read by it.
    """

    def __init__(self) -> None:
        self.places: dict[str, object] = {
            "owner": os.getpid(),
            "hostname": socket.gethostname(),
            "library": str(Path(errors.__file__).parent),
            "sources": str(Path(errors.__file__).resolve().parent),
        }
        self.secrets: set[str] = set()
        self.memory = self.new_secret().encode()
        """Held by this process only in its memory, until the bait is gone."""

    def new_secret(self) -> str:
        secret = f"bait-{secrets.token_hex(16)}"
        self.secrets.add(secret)
        return secret


@contextmanager
def planted() -> Generator[Bait, None, None]:
    """Plant bait around this process; nothing is left of it in the end."""
    bait = Bait()
    with ExitStack() as stack:
        home = stack.enter_context(_folder())
        _plant_home(bait, home)
        changes = {
            "BAIT_API_KEY": bait.new_secret(),
            "HOME": str(home),
            "SSH_AUTH_SOCK": str(home / "agent"),
        }
        stack.enter_context(_environment(changes))
        stack.enter_context(_descriptors(bait, home))
        stack.enter_context(_shared_memory(bait))
        stack.enter_context(_key(bait))
        yield bait


def _plant_home(bait: Bait, home: Path) -> None:
    bait.places["home"] = str(home)
    for name in _HOME_FILES:
        path = home / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{bait.new_secret()}\n")
        path.chmod(0o600)
    bait.places["handle"] = _handle(home / ".netrc").hex()


def _handle(path: Path) -> bytes:
    """The number of a file on its file system, as open_by_handle_at(2) takes it, or nothing."""
    handle = ctypes.create_string_buffer((128).to_bytes(4, sys.byteorder), 136)
    mount = ctypes.c_int()
    # The C library has it on every architecture.
    found = ctypes.CDLL(None).name_to_handle_at(
        _AT_FDCWD, str(path).encode(), handle, ctypes.byref(mount), 0
    )
    return handle.raw if found == 0 else b""


@contextmanager
def _folder() -> Generator[Path, None, None]:
    # Not below /tmp, which some tools hide though they show the rest of the host.
    base = "/var/tmp" if os.access("/var/tmp", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="sandcrew-home-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _environment(changes: Mapping[str, str]) -> Generator[None, None, None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _descriptors(bait: Bait, home: Path) -> Generator[None, None, None]:
    """A file without a name and a folder, both inheritable; and a file that only we hold."""
    fds = [os.memfd_create("bait", 0), os.open(home, os.O_RDONLY | os.O_DIRECTORY)]
    for fd in fds:
        os.set_inheritable(fd, True)
    held = os.memfd_create("held")
    try:
        os.write(fds[0], bait.new_secret().encode())
        os.write(held, bait.new_secret().encode())
        bait.places["held_fd"] = held
        yield
    finally:
        for fd in (*fds, held):
            os.close(fd)


@contextmanager
def _shared_memory(bait: Bait) -> Generator[None, None, None]:
    """A file in ``/dev/shm`` and a System V segment."""
    libc = ctypes.CDLL(None)
    libc.shmat.restype = ctypes.c_void_p
    key = secrets.randbelow(1 << 30) + 1
    segment = libc.shmget(key, 4096, _SHM_CREATE)
    bait.places["shm_key"] = key
    address = libc.shmat(segment, None, 0) if segment >= 0 else None
    if address is not None:
        ctypes.memmove(address, bait.new_secret().encode(), 37)
    file = Path("/dev/shm", f"sandcrew-{secrets.token_hex(8)}")
    bait.places["shm_file"] = str(file)
    try:
        if file.parent.is_dir():
            file.write_text(bait.new_secret())
        yield
    finally:
        file.unlink(missing_ok=True)
        if address is not None:
            libc.shmdt(ctypes.c_void_p(address))
            libc.shmctl(segment, _IPC_RMID, None)


@contextmanager
def _key(bait: Bait) -> Generator[None, None, None]:
    """A key in the user's keyring, if the kernel has keys and we know the call's number."""
    name = f"sandcrew-{secrets.token_hex(8)}"
    bait.places["key"] = name
    if os.uname().machine != "x86_64":
        yield
        return
    libc = ctypes.CDLL(None)
    secret = bait.new_secret().encode()
    key = libc.syscall(
        _SYS_ADD_KEY, b"user", name.encode(), secret, len(secret), ctypes.c_long(_USER_KEYRING)
    )
    try:
        yield
    finally:
        if key >= 0:
            libc.syscall(_SYS_KEYCTL, _KEYCTL_REVOKE, key)

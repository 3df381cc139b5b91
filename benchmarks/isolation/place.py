"""The place of one run: listeners, a bait file, a victim and a folder of its own.

So runs may overlap and not spoil each other's evidence.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import stat
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .victim import Victim

if TYPE_CHECKING:
    from collections.abc import Generator

    from .attack import Attack
    from .bait import Bait

Address = tuple[str, int] | str

_DROPS = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/root", "/etc", "/usr/lib")
_BAIT_TEXT = "do not touch\n"


class Place:
    """Where one attack runs, and what the host can see of what it did."""

    def __init__(self, folder: Path, bait: Bait) -> None:
        self.token = f"sb{secrets.token_hex(5)}"
        """The name of every task of the run: short enough for ``/proc/PID/comm``."""
        self.folder = folder / "work"
        self.kept = folder / "kept"
        """Where the host keeps what it keeps of the run."""
        self.marker = folder / "bait" / "executed"
        """Made by code of the run that the host executes."""
        self.target = folder / "bait" / "authorized_keys"
        self.victim: Victim | None = None
        self.listeners: dict[str, socket.socket] = {}
        self.places: dict[str, object] = {
            **bait.places,
            "token": self.token,
            "folder": str(self.folder),
            "kept": str(self.kept),
            "marker": str(self.marker),
            "target": str(self.target),
            "sibling": str(folder / "bait" / "sibling"),
        }

    def heard(self) -> list[str]:
        """The listeners that something spoke to."""
        return [name for name, sock in self.listeners.items() if _was_spoken_to(sock)]

    def changed(self) -> list[str]:
        """What became of the bait file, and what lies about on the host under our name."""
        found: list[str] = []
        try:
            status = self.target.lstat()
        except OSError:
            return [f"{self.target} is gone"]
        if _fingerprint(status) != self._before or self.target.read_text() != _BAIT_TEXT:
            found.append(f"{self.target} changed")
        drops = [Path(folder, self.token) for folder in (*_DROPS, str(self.target.parent))]
        return found + [f"{path} is there" for path in drops if os.path.lexists(path)]

    def planted(self) -> list[str]:
        """Files in the run's folder that give rights to whoever uses them."""
        found: list[str] = []
        for path in self.folder.iterdir():
            mode = path.lstat().st_mode
            special = stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
            if special or (stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID)):
                found.append(f"{path.name} {stat.filemode(mode)}")
        return found

    def left(self) -> list[str]:
        """What in the run's folder is no file, and would lead or keep who uses it as one."""
        found: list[str] = []
        for path in self.folder.rglob("*"):
            mode = path.lstat().st_mode
            if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
                found.append(f"{path.name} {stat.filemode(mode)}")
            elif path.is_symlink() and not _stays_in(self.folder, path):
                found.append(f"{path.name} -> {path.readlink()}")
        return found

    def make(self, bait: Bait) -> None:
        self.folder.mkdir(mode=0o755)
        self.target.parent.mkdir(mode=0o755)
        self.target.write_text(_BAIT_TEXT)
        Path(str(self.places["sibling"])).write_text(bait.new_secret())
        self._before = _fingerprint(self.target.lstat())

    def remove_drops(self) -> None:
        for folder in _DROPS:
            with suppress(OSError):  # a folder that we may not even look into
                Path(folder, self.token).unlink(missing_ok=True)


@contextmanager
def prepared(attack: Attack, bait: Bait) -> Generator[Place, None, None]:
    """A place for one run; everything of it is gone afterwards."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="sandcrew-attack-"))
        stack.callback(_remove, folder)
        folder.chmod(0o755)
        place = Place(folder, bait)
        place.make(bait)
        stack.callback(place.remove_drops)
        _listen(place, folder / "bait", stack)
        if "victim" in attack.requires:
            place.victim = stack.enter_context(Victim(bait.new_secret(), bait.new_secret()))
            place.places["victim"] = place.victim.pid
        yield place


def _stays_in(folder: Path, link: Path) -> bool:
    return Path(os.path.normpath(link.parent / link.readlink())).is_relative_to(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():  # deeper than rmtree can go
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, capture_output=True)


def _listen(place: Place, folder: Path, stack: ExitStack) -> None:
    stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    unix = f"sandcrew-{secrets.token_hex(8)}"
    wanted: dict[str, tuple[socket.AddressFamily, int, Address]] = {
        "tcp4": (socket.AF_INET, stream, ("127.0.0.1", 0)),
        "tcp6": (socket.AF_INET6, stream, ("::1", 0)),
        "any4": (socket.AF_INET, stream, ("0.0.0.0", 0)),
        "udp4": (socket.AF_INET, datagram, ("127.0.0.1", 0)),
        "udp6": (socket.AF_INET6, datagram, ("::1", 0)),
    }
    wanted |= {
        "abstract": (socket.AF_UNIX, stream, f"\0{unix}"),
        "abstract_datagram": (socket.AF_UNIX, datagram, f"\0{unix}-d"),
        "path": (socket.AF_UNIX, stream, str(folder / "sock")),
        "path_datagram": (socket.AF_UNIX, datagram, str(folder / "dgram")),
    }
    for name, (family, kind, address) in wanted.items():
        try:
            sock = stack.enter_context(socket.socket(family, kind))
            sock.bind(address)
        except OSError:
            continue  # a host without IPv6
        sock.setblocking(False)
        if kind == stream:
            sock.listen()
        place.listeners[name] = sock
        place.places[name] = _shown(sock.getsockname())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place.places["free_port"] = free.getsockname()[1]


def _shown(address: object) -> object:
    """An address as attacks are told it: a host and a port, or a name."""
    if isinstance(address, bytes):  # abstract: it begins with a NUL
        return address.decode()
    if isinstance(address, tuple):
        host_and_port: tuple[object, ...] = address  # pyright: ignore[reportUnknownVariableType]
        return host_and_port[:2]
    return address


def _was_spoken_to(sock: socket.socket) -> bool:
    try:
        if sock.type == socket.SOCK_STREAM:
            sock.accept()[0].close()
        else:
            sock.recv(1)
    except BlockingIOError:
        return False
    return True


def _fingerprint(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_ino,
        status.st_mode,
        status.st_uid,
        status.st_size,
        status.st_nlink,
        status.st_mtime_ns,
    )

"""The folders in which branches of a session live, where guests have no namespaces.

This is the part of the session's first process, whom the host trusts; that of the interpreter,
which nobody does, is :mod:`.landlocked_walls`.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Callable

from . import admission, confine, descendants, landlock, sweep
from .bare import socket

Config = dict[str, Any]

_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PATIENCE = 10.0
"""Seconds in which the files of a branch must be gone; the end of the session removes the rest."""


def places_of(config: Config, number: int) -> dict[str, str]:
    """Where the branch ``number`` of a session has its folders."""
    top = f"{config['places']['branches']}/{number}"
    return {"workspace": f"{top}/workspace", "home": f"{top}/home", "tmp": f"{top}/tmp"}


def closed_to_branches(config: Config) -> list[str]:
    """What may be of their parent or of siblings, or tell of them."""
    places = config["places"]
    closed = [places["base"], places["workspace"], places["home"], *config["shared"]]
    return [os.path.realpath(path) for path in (*closed, "/proc", "/dev")]


class LandlockedRooms:
    """Makes them, and looks at who moves in."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def make(self, number: int) -> list[int]:
        """Descriptors of the workspace, the temporary folder, and the way out if there is one.

        Raises
        ------
        OSError
            There is no room, or somebody has been there before.
        """
        places = places_of(self._config, number)
        top = os.path.dirname(places["tmp"])
        os.mkdir(top, 0o700)
        folder = os.open(top, os.O_PATH | _FOLDER)
        try:
            for path in places.values():
                os.mkdir(os.path.basename(path), 0o700, dir_fd=folder)
            fds = [os.open("workspace", os.O_RDONLY | _FOLDER, dir_fd=folder)]
            fds.append(os.open("tmp", os.O_PATH | _FOLDER, dir_fd=folder))
        finally:
            os.close(folder)
        if self._config["proxy"]:
            door = socket.socket()
            door.bind(tuple(self._config["proxy"]))
            door.listen(128)
            fds.append(door.detach())
        return fds

    def admit(self, header: dict[str, Any], interpreter: int) -> int:
        """Look for the fork of the ``interpreter``, and at it; its process.

        It is known by the socket it has from the host, and is the only one who has it.

        Raises
        ------
        OSError
            It is not as it should be.
        """
        door = (header["door"][0], header["door"][1])
        own = {(device, inode) for device, inode in (*header["files"], door)}
        pid = _the_one(door, interpreter)
        with admission.standing_still(pid):
            _the_one(door, interpreter)
            admission.check_status(pid)
            if header["counted"]:
                admission.check_cgroup(pid, shared=False)
            admission.check_files(pid, own, self._is_foreign(header["branch"]))
            admission.check_memory(pid)
        return pid

    def clear(self, number: int) -> None:
        """Remove the files of a branch that has ended, without making others wait for it."""
        try:
            pid = os.fork()
        except OSError:  # then the end of the session removes them
            return
        if pid == 0:
            top = os.path.dirname(places_of(self._config, number)["tmp"])
            sweep.empty(top, _PATIENCE)
            with contextlib.suppress(OSError):
                os.rmdir(top)
            os._exit(0)

    def _is_foreign(self, number: int) -> Callable[[str], bool]:
        own = os.path.dirname(places_of(self._config, number)["tmp"])
        closed = closed_to_branches(self._config)

        def is_foreign(path: str) -> bool:
            if landlock.is_in(path, own) or path in confine.DEVICES:
                return False
            return any(landlock.is_in(path, folder) for folder in closed)

        return is_foreign


def _the_one(door: tuple[int, int], interpreter: int) -> int:
    """The process that came through ``door``, which has forked none."""
    family = descendants.below(os.getpid())
    found = [pid for pid in family if pid != interpreter and _has_open(pid, door)]
    if len(found) != 1 or found[0] in family.values():
        raise OSError(f"{len(found)} processes came instead of one")
    return found[0]


def _has_open(pid: int, file: tuple[int, int]) -> bool:
    """True if a process has it open; one that nobody may look into is taken to have not."""
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                info = os.stat(f"/proc/{pid}/fd/{name}")
                if (info.st_dev, info.st_ino) == file:
                    return True
    return False

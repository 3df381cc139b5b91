"""Branches where there are no namespaces: the fork of a live interpreter confines itself.

    the session's first process        in the domain of its guest
      ├─ the interpreter               in one below
      └─ a fork of it                  in one below that: the first process of the branch
           └─ a fork of that           in one below that: the interpreter of the branch

Landlock domains only ever get narrower (Documentation/userspace-api/landlock.rst of the kernel),
and nobody signals or traces who is not in the same or in a domain below. So the fork gets folders
of its own, below one that its parent may write, and leaves its right to all others behind; nothing
of it reaches back, and none reaches its siblings. It cannot have its parent's paths for them, and
its parent, in the domain above, can reach all of it.

Who confines itself can leave that undone, or undo it for those who come later: code that has
changed the interpreter of a session decides what its branches are. That gains it nothing, for it
can reach them all anyway. So the first process of the session looks at the fork for what it has of
its parent's by mistake (:mod:`.admission`), and the host takes nothing from it that it would use
with rights of its own.
"""

from __future__ import annotations

import os
import time
from typing import Any, Callable, NoReturn

from . import confine, copying, descriptors, forking, kernel, landlock, landlocked
from .bare import socket
from .channel import Channel
from .landlocked_rooms import closed_to_branches, places_of
from .relocation import Relocation
from .walls import Walls

Config = dict[str, Any]
Supervise = Callable[[Config, Channel, int], NoReturn]
"""Be the first process of a guest, given its configuration, socket and program."""


class LandlockedWalls(Walls):
    """What the interpreter of a guest knows of its walls, and does about those of its branches."""

    def __init__(self, config: Config, supervise: Supervise) -> None:
        self._config = config
        self._supervise = supervise
        self._first = os.getppid()

    def relocate(self, job: dict[str, Any]) -> None:
        landlocked.relocate(job, self._config)

    def fork(self, way: list[int], become: Callable[[], NoReturn]) -> None:
        forking.fork_into([], become)

    def enter(self, way: list[int]) -> None:
        """Wait until who went ahead has ended, so that this is a child of the first process."""
        (self._door,) = way
        while os.getppid() != self._first:
            time.sleep(0.0001)

    def move_in(self, header: dict[str, Any]) -> Callable[[str], str]:
        """Copy the files; returns what tells new paths for old ones."""
        old, new = self._config["places"], places_of(self._config, header["branch"])
        for name, target in new.items():
            folder = os.open(old[name], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            copying.copy_tree(folder, target)
            os.close(folder)
        relocation = Relocation({old[name]: path for name, path in new.items()})
        relocation.move_interpreter()
        config: Config = {**self._config, "places": {"base": old["base"], **new}, "shared": []}
        closed = closed_to_branches(self._config)
        readable = list(landlock.all_but(closed, self._config["readable"]))
        config.update(readable=readable, listed=[], writable=[])
        if config["network"] != "host":
            config["network"] = "none"  # but for the way out
        if header["door"]:
            landlocked.name_proxy(os.environ, config["door"], header["door"])
            config["door"] = header["door"]
        self._config = config
        return relocation.of

    def close_behind(self) -> None:
        """Give up the way back; this returns in the interpreter of the branch.

        Raises
        ------
        OSError
            It could not be given up.
        """
        channel = Channel(socket.socket(fileno=self._door))
        landlocked.confine_branch(self._config, self._first)
        channel.send({"op": "confined", "names": []})
        if not channel.sock.recv(1):
            os._exit(0)  # nobody has a use for this branch any more
        interpreter = os.fork()
        if interpreter:
            self._be_first(channel, interpreter)
        channel.sock.close()
        landlocked.shield(self._config)
        for program in self._config["filters_of_branches"]:
            kernel.seccomp_install(program)
        os.setsid()

    def _be_first(self, channel: Channel, interpreter: int) -> NoReturn:
        sock = descriptors.keep_only(channel.sock.detach(), confine.DESCRIPTORS)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        landlocked.listen_for_the_end()
        self._supervise(self._config, Channel(socket.socket(fileno=sock)), interpreter)

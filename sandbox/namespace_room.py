"""A room for a branch made of namespaces, which the zygote makes ahead of its interpreter.

See :mod:`.guest.branch`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .guest.handles import FOLDERS
from .room import Room

if TYPE_CHECKING:
    from .branching import Arrival
    from .session_guests import BranchGuest, SessionGuest
    from .zygote import Zygote


class NamespaceRoom(Room):
    """Namespaces below those of ``parent``, with their first process."""

    def __init__(self, zygote: Zygote, parent: SessionGuest, guest: BranchGuest) -> None:
        self.guest = guest
        self._parent = parent
        self._namespaces = {name: guest.take_handle(name) for name in zygote.namespaces}
        self.way = list(self._namespaces.values())

    @classmethod
    async def make(cls, zygote: Zygote, parent: SessionGuest) -> NamespaceRoom:
        """Have the namespaces made.

        Raises
        ------
        BackendError
            The kernel refused, or the parent has ended.
        """
        guest = await zygote.branch(parent)
        try:
            await guest.ready()
            return cls(zygote, parent, guest)
        except BaseException:
            guest.kill()
            raise

    async def announce(self) -> None:
        inodes = {name: os.fstat(fd).st_ino for name, fd in self._namespaces.items()}
        expect = {"op": "expect", "branch": self.guest.number, "inodes": inodes}
        await self._parent.root.tell(expect)

    async def furnish(self) -> dict[str, Any]:
        folders = await self._parent.show(tuple(FOLDERS))
        await self.guest.ask({"op": "move"}, "furnished", folders)
        return {}

    async def admit(self, arrival: Arrival, files: list[tuple[int, int]]) -> None:
        await arrival.wait("ready")
        (worker,) = await self.guest.ask({"op": "admit", "files": files}, "admitted")
        try:
            await self._parent.tell({"op": "adopt", "branch": self.guest.number}, [worker])
        finally:
            os.close(worker)

    async def close_the_way(self) -> None:
        """Who is half-way is left alone: it may share the memory of the interpreter, which would
        not survive its sudden end."""
        await self._parent.root.tell({"op": "forget", "branch": self.guest.number})

    async def clear(self) -> None:
        """They go with their mounts, of which nobody else knows."""

"""A room for a branch where there are no namespaces: folders of its own, and a socket.

The fork confines itself there, see :mod:`.guest.landlocked_walls`.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from .room import Room

if TYPE_CHECKING:
    from .branching import Arrival
    from .session_guests import ForkGuest, SessionGuest
    from .zygote import Zygote


class LandlockRoom(Room):
    """Folders that the first process of ``parent`` has made; there is nobody in it yet."""

    def __init__(
        self, parent: SessionGuest, guest: ForkGuest, theirs: socket.socket, fds: list[int]
    ) -> None:
        self.guest = self._fork = guest
        self.way = [theirs.detach()]
        self._parent = parent
        self._way_out: tuple[str, int] | None = None
        guest.furnish(dict(zip(("workspace", "tmp", "door"), fds, strict=False)))
        if len(fds) > 2:
            with socket.socket(fileno=os.dup(fds[2])) as door:
                self._way_out = door.getsockname()

    @classmethod
    async def make(cls, zygote: Zygote, parent: SessionGuest) -> LandlockRoom:
        """Have the folders made.

        Raises
        ------
        UsageError
            There is no room for them.
        BackendError
            The parent has ended.
        """
        guest, theirs = zygote.fork_of(parent)
        try:
            fds = await parent.ask({"op": "make", "branch": guest.number}, "made")
            return cls(parent, guest, theirs, fds)
        except BaseException:
            theirs.close()
            guest.kill()
            raise

    async def announce(self) -> None:
        """Nobody guards it: who has the folders' parent can enter."""

    async def furnish(self) -> dict[str, Any]:
        return {"branch": self.guest.number, "door": self._way_out}

    async def admit(self, arrival: Arrival, files: list[tuple[int, int]]) -> None:
        await arrival.wait("forked")  # and so has no descriptor of the fork's any more
        self._fork.on_arrival = arrival.on_change
        await arrival.wait_until(lambda: self._fork.has_arrived)
        door = os.fstat(self.way[0])
        question = {
            "op": "admit",
            "branch": self.guest.number,
            "files": files,
            "door": (door.st_dev, door.st_ino),
            "counted": self.counted,
        }
        (first,) = await self._parent.ask(question, "admitted")
        self._fork.on_started(first)
        await arrival.wait("ready")

    async def close_the_way(self) -> None:
        """It stays open to the parent."""

    async def clear(self) -> None:
        await self._parent.tell({"op": "clear", "branch": self.guest.number})

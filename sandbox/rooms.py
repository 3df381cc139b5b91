"""Where a branch is going to live, made ahead of its interpreter: as the profile has it."""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from .errors import BackendError
from .guest.handles import FOLDERS

if TYPE_CHECKING:
    from .branching import Arrival
    from .session_guests import BranchGuest, SessionGuest
    from .zygote import Zygote

PATIENCE = 20.0
"""Seconds a spare room is kept for the next branch."""


class Room(ABC):
    """A branch's guest, and the way into it.

    ``way`` are descriptors for the fork of the interpreter; they are closed with this.
    """

    guest: BranchGuest
    way: list[int]
    counted = False
    """Whether it was told to join a cgroup."""

    def close(self) -> None:
        """Give up the way in; who is in is in."""
        for fd in self.way:
            os.close(fd)

    @abstractmethod
    async def announce(self) -> None:
        """Tell who guards the way in of the fork that is coming."""

    @abstractmethod
    async def furnish(self) -> dict[str, Any]:
        """See to its files; returns what the fork is to be told about them."""

    @abstractmethod
    async def admit(self, arrival: Arrival, files: list[tuple[int, int]]) -> None:
        """Have the fork looked at by who trusts nobody, and tell who will reap it.

        ``files`` are device and inode of what it has from the host.

        Raises
        ------
        UsageError
            It is not as it should be.
        """

    @abstractmethod
    async def close_the_way(self) -> None:
        """Let nobody else enter."""

    @abstractmethod
    async def clear(self) -> None:
        """Remove its files, which nobody uses any more."""


class NamespaceRoom(Room):
    """Namespaces below those of ``parent``, with their first process."""

    def __init__(self, zygote: Zygote, parent: SessionGuest, guest: BranchGuest) -> None:
        self.guest = guest
        self._parent = parent
        self._namespaces = {name: guest.take_handle(name) for name in zygote.namespaces}
        self.way = list(self._namespaces.values())

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


async def make_room(zygote: Zygote, parent: SessionGuest) -> Room:
    """A room for a branch of ``parent``.

    Raises
    ------
    UsageError
        There can be none here.
    BackendError
        The kernel refused, or the parent has ended.
    """
    if zygote.branching(parent) == "landlock":
        from .landlock_room import LandlockRoom

        return await LandlockRoom.make(zygote, parent)
    guest = await zygote.branch(parent)
    try:
        await guest.ready()
        return NamespaceRoom(zygote, parent, guest)
    except BaseException:
        guest.kill()
        raise


class Rooms:
    """The rooms for branches of one guest: after each that is taken, a spare one is made.

    Callers that branch once do not pay for it, and who branches again finds one ready.
    """

    def __init__(self, zygote: Zygote, parent: SessionGuest) -> None:
        self._zygote = zygote
        self._parent = parent
        self._spare: asyncio.Task[Room] | None = None
        self._clearing: asyncio.TimerHandle | None = None

    async def take(self) -> Room:
        """A room; raises as :func:`make_room` does."""
        spare = self._take_spare()
        if spare is not None:
            try:
                room = await spare
                if room.guest.usable:
                    return room
                room.close()
            except BackendError:
                pass  # the next says why
            except asyncio.CancelledError:
                _drop(spare)
                raise
        return await make_room(self._zygote, self._parent)

    def refill(self) -> None:
        """Begin to make a spare one."""
        if not self._zygote.makes_rooms_ahead:
            return
        if self._spare is None and self._parent.usable:
            self._spare = asyncio.ensure_future(make_room(self._zygote, self._parent))
            self._spare.add_done_callback(_look_at)
            loop = asyncio.get_running_loop()
            self._clearing = loop.call_later(PATIENCE, self.clear)

    def clear(self) -> None:
        """Give the spare one up."""
        spare = self._take_spare()
        if spare is not None:
            _drop(spare)

    def _take_spare(self) -> asyncio.Task[Room] | None:
        if self._clearing is not None:
            self._clearing.cancel()
        spare, self._spare = self._spare, None
        return spare


def _look_at(making: asyncio.Task[Room]) -> None:
    """A failure is told to who asks for a room next, if anybody does."""
    if not making.cancelled():
        making.exception()


def _drop(making: asyncio.Task[Room]) -> None:
    making.cancel()
    making.add_done_callback(_give_up)  # if it was made all the same


def _give_up(making: asyncio.Task[Room]) -> None:
    if not making.cancelled() and making.exception() is None:
        room = making.result()
        room.guest.kill()
        room.close()

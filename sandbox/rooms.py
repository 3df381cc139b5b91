"""Namespaces in which a branch is going to live, made ahead of its interpreter."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .session_guests import BranchGuest, SessionGuest
    from .zygote import Zygote

PATIENCE = 20.0
"""Seconds a spare room is kept for the next branch."""


@dataclass(frozen=True, slots=True)
class Room:
    """A branch's guest, of which there is only the first process, and the way into it."""

    guest: BranchGuest
    namespaces: Mapping[str, int]
    """Descriptors, in the order of :attr:`.zygote.Zygote.namespaces`."""

    @property
    def inodes(self) -> dict[str, int]:
        return {name: os.fstat(fd).st_ino for name, fd in self.namespaces.items()}

    def close(self) -> None:
        """Give up the way in; who is in is in."""
        for fd in self.namespaces.values():
            os.close(fd)


async def make_room(zygote: Zygote, parent: SessionGuest) -> Room:
    """A room for a branch of ``parent``.

    Raises
    ------
    UsageError
        There are no namespaces here.
    BackendError
        The kernel refused, or the parent has ended.
    """
    guest = await zygote.branch(parent)
    try:
        await guest.ready()
        return Room(guest, {name: guest.take_handle(name) for name in zygote.namespaces})
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
        spare, self._spare = self._spare, None
        if spare is not None:
            with contextlib.suppress(BackendError):  # then the next says why
                room = await spare
                if room.guest.usable:
                    return room
                room.close()
        return await make_room(self._zygote, self._parent)

    def refill(self) -> None:
        """Begin to make a spare one."""
        if self._spare is None and self._parent.usable:
            self._spare = asyncio.ensure_future(make_room(self._zygote, self._parent))
            self._spare.add_done_callback(_look_at)
            loop = asyncio.get_running_loop()
            self._clearing = loop.call_later(PATIENCE, self.clear)

    def clear(self) -> None:
        """Give the spare one up."""
        if self._clearing is not None:
            self._clearing.cancel()
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.cancel()
            spare.add_done_callback(_give_up)


def _look_at(making: asyncio.Task[Room]) -> None:
    """A failure is told to who asks for a room next, if anybody does."""
    if not making.cancelled():
        making.exception()


def _give_up(making: asyncio.Task[Room]) -> None:
    if not making.cancelled() and making.exception() is None:
        room = making.result()
        room.guest.kill()
        room.close()

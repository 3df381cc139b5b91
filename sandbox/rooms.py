"""Rooms for the branches of one guest, made ahead: of the kind that the profile has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .errors import BackendError
from .landlock_room import LandlockRoom
from .namespace_room import NamespaceRoom

if TYPE_CHECKING:
    from .room import Room
    from .session_guests import SessionGuest
    from .zygote import Zygote

PATIENCE = 20.0
"""Seconds a spare room is kept for the next branch."""


async def make_room(zygote: Zygote, parent: SessionGuest) -> Room:
    """A room for a branch of ``parent``.

    Raises
    ------
    UsageError
        There can be none here.
    BackendError
        The kernel refused, or the parent has ended.
    """
    kind = LandlockRoom if zygote.branching(parent) == "landlock" else NamespaceRoom
    return await kind.make(zygote, parent)


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

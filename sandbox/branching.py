"""How a live interpreter is forked into a room of its own, as the host conducts it.

What a room is depends on the profile: see :mod:`.rooms`. Nobody relies on what the untrusted fork
says: the first process of a guest looks at it before anything is asked of it.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from .errors import BackendError, UsageError
from .intake.frames import ARRIVING
from .live import LiveGuest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from .room import Room

PATIENCE = 30.0
"""Seconds in which a fork must have come; mostly it takes milliseconds."""


async def branch(parent: LiveGuest, output: int) -> LiveGuest:
    """Fork the interpreter of ``parent``, in which no cell may be running.

    Raises
    ------
    UsageError
        It holds what cannot be forked.
    BackendError
        The kernel refused.
    """
    room = await _take_room(parent)
    live = _live(room, parent, output)
    arrival = Arrival(parent, live)
    files = live.files
    live.listen(arrival, ARRIVING)
    parent.listen(arrival)
    try:
        async with asyncio.timeout(PATIENCE):
            live.own_workspace(room.guest.take_handle("workspace"), room.clear)
            live.open_door()
            await _both(_furnish(live, room), _fork(parent, live, room))
            await room.admit(arrival, files)
            await room.close_the_way()
    except TimeoutError as error:
        await asyncio.shield(_give_up(live, room))
        raise _too_late() from error
    except BaseException as error:
        await asyncio.shield(_give_up(live, room))
        breach = parent.guest.breach or room.guest.breach
        if breach is not None and isinstance(error, BackendError | UsageError):
            raise BackendError(f"The branch did not begin: {breach}.") from error
        why = (room.guest.end or {}).get("error")
        if why is not None and isinstance(error, BackendError):
            raise UsageError(f"This session cannot be branched: {why}.") from error
        raise
    finally:
        room.close()
        parent.listen(None)
        live.listen(None)
    parent.rooms.refill()
    return live


async def _take_room(parent: LiveGuest) -> Room:
    try:
        async with asyncio.timeout(PATIENCE):
            return await parent.rooms.take()
    except TimeoutError as error:
        raise _too_late() from error


def _live(room: Room, parent: LiveGuest, output: int) -> LiveGuest:
    try:
        return LiveGuest(room.guest, parent.zygote, output)
    except OSError:  # this process has no descriptors left
        room.guest.kill()
        room.close()
        raise


def _too_late() -> BackendError:
    return BackendError(f"The branch was not there within {PATIENCE:.0f} s.")


async def _both(*steps: Coroutine[Any, Any, None]) -> None:
    """Do both at once. When one fails the other ends too, before the descriptors are closed that it
    is about to send: their numbers could be those of other files by then."""
    tasks = [asyncio.ensure_future(step) for step in steps]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _fork(parent: LiveGuest, live: LiveGuest, room: Room) -> None:
    """Have the interpreter fork into the room, once who can let it enter has been told."""
    await room.announce()
    await live.ask_for_fork(parent, room.way)


async def _furnish(live: LiveGuest, room: Room) -> None:
    """Have the files copied, and let the fork open those it needs and join its cgroup."""
    told = await room.furnish()
    doors = room.guest.open_doors()
    room.counted = bool(doors)
    try:
        await live.send({"op": "go", **told}, fds=doors)
    finally:
        for door in doors:
            os.close(door)


async def _give_up(live: LiveGuest, room: Room) -> None:
    try:
        await live.close()
    finally:
        await room.close_the_way()


class Arrival:
    """Waits for the first words of a fork, or for the parent's that there will be none."""

    def __init__(self, parent: LiveGuest, live: LiveGuest) -> None:
        self._parent = parent
        self._live = live
        self._news = asyncio.Event()
        self._refused: str | None = None
        self._said: set[str] = set()

    def on_frame(self, header: dict[str, Any], body: bytes) -> bool:
        branch = self._live.branch
        if header.get("id", branch) != branch:
            return False  # what the parent says late of another one, or of a cell
        # The fork may have refused before its parent says that it forked.
        if header["op"] in self._said:
            raise ValueError(f"it said {header['op']!r} twice")
        if header["op"] == "refused":
            self._refused = header["why"]
        self._said.add(header["op"])  # one of the few words in the tables
        self._news.set()
        return True

    def on_change(self) -> None:
        self._news.set()

    async def wait(self, word: str) -> None:
        """Wait until the fork, or its parent, has said ``word``; raises as :func:`branch` does."""
        await self.wait_until(lambda: word in self._said)

    async def wait_until(self, there: Callable[[], bool]) -> None:
        """Wait until something is ``there``; raises as :func:`branch` does."""
        while not there():
            if self._refused is not None:
                raise UsageError(f"This session cannot be branched: {self._refused}.")
            if self._live.ended or self._parent.guest.breach is not None:
                guest = self._live.guest
                why = guest.lost or _how(guest.end or {})
                raise BackendError(f"The branch did not begin: {why}.")
            await self._news.wait()
            self._news.clear()


def _how(end: Mapping[str, Any]) -> str:
    return str(end.get("error") or f"its process has ended (exit code {end.get('exit_code')})")

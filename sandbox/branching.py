"""How a live interpreter is forked into namespaces of its own, as the host conducts it.

Three take part: the zygote makes the namespaces with their first process, the parent's interpreter
forks, and the parent's first process lets the fork enter. None of them relies on what the untrusted
one says: the new first process looks at the fork before anything is asked of it.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from .errors import BackendError, UsageError
from .guest.handles import FOLDERS
from .live import LiveGuest

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from .rooms import Room
    from .session_guests import BranchGuest, SessionGuest

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
    live = LiveGuest(room.guest, parent.zygote, output)
    arrival = _Arrival()
    files = live.files
    live.listen(arrival)
    parent.listen(arrival)
    try:
        async with asyncio.timeout(PATIENCE):
            live.own_workspace(room.guest.take_handle("workspace"))
            live.open_door()
            await _both(_move_in(parent, live), _fork(parent, live, room))
            await arrival.wait(live)
            await _admit(parent.guest, room.guest, files)
            await _close_the_way(parent, room.guest)
    except TimeoutError as error:
        await asyncio.shield(_give_up(parent, live, room.guest))
        raise _too_late() from error
    except BaseException as error:
        await asyncio.shield(_give_up(parent, live, room.guest))
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
    expect = {"op": "expect", "branch": room.guest.number, "inodes": room.inodes}
    await parent.guest.root.tell(expect)
    await live.ask_for_fork(parent, list(room.namespaces.values()))


async def _move_in(parent: LiveGuest, live: LiveGuest) -> None:
    """Have the files copied, and then let the fork open those it needs and join its cgroup."""
    folders = await parent.guest.show(tuple(FOLDERS))
    await live.guest.ask({"op": "move"}, "furnished", folders)
    doors = live.guest.open_doors()
    try:
        await live.send({"op": "go"}, fds=doors)
    finally:
        for door in doors:
            os.close(door)


async def _admit(parent: SessionGuest, guest: BranchGuest, files: list[tuple[int, int]]) -> None:
    """Have the fork looked at, and tell who will reap it."""
    (worker,) = await guest.ask({"op": "admit", "files": files}, "admitted")
    try:
        await parent.tell({"op": "adopt", "branch": guest.number}, [worker])
    finally:
        os.close(worker)


async def _give_up(parent: LiveGuest, live: LiveGuest, guest: BranchGuest) -> None:
    try:
        await live.close()
    finally:
        await _close_the_way(parent, guest)


async def _close_the_way(parent: LiveGuest, guest: BranchGuest) -> None:
    """Let nobody else enter.

    Who is half-way is left alone: it may share the memory of the interpreter, which would not
    survive its sudden end.
    """
    await parent.guest.root.tell({"op": "forget", "branch": guest.number})


class _Arrival:
    """Waits for the first word of a fork, or for the parent's that there will be none."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._refused: str | None = None
        self._ready = False

    def on_frame(self, header: dict[str, Any], body: bytes) -> None:
        if header.get("op") == "ready":
            self._ready = True
        elif header.get("op") == "refused":
            self._refused = str(header.get("why"))[:1000]
        self._news.set()

    def on_change(self) -> None:
        self._news.set()

    async def wait(self, live: LiveGuest) -> None:
        while not self._ready:
            if self._refused is not None:
                raise UsageError(f"This session cannot be branched: {self._refused}.")
            if live.ended:
                why = live.guest.lost or _how(live.guest.end or {})
                raise BackendError(f"The branch did not begin: {why}.")
            await self._news.wait()
            self._news.clear()


def _how(end: Mapping[str, Any]) -> str:
    return str(end.get("error") or f"its process has ended (exit code {end.get('exit_code')})")

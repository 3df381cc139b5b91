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
from .guest.handles import NAMESPACES
from .live import LiveGuest

if TYPE_CHECKING:
    from .guests import Guest

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
    guest = await parent.zygote.branch(parent.guest)
    live = LiveGuest(guest, parent.zygote, output)
    arrival = _Arrival()
    live.listen(arrival)
    parent.listen(arrival)
    try:
        async with asyncio.timeout(PATIENCE):
            inodes = live.inodes
            await live.ask_for_fork(parent)
            await guest.ready()
            live.own_workspace(guest.take_handle("workspace"))
            live.open_door()
            await _let_in(parent.guest, guest, live)
            await arrival.wait(live)
            await _admit(parent.guest, guest, inodes)
    except TimeoutError as error:
        await asyncio.shield(live.close())
        raise BackendError(f"The branch was not there within {PATIENCE:.0f} s.") from error
    except BaseException:
        await asyncio.shield(live.close())
        raise
    finally:
        parent.listen(None)
        live.listen(None)
    return live


async def _let_in(parent: Guest, guest: Guest, live: LiveGuest) -> None:
    """Hand the namespaces to the fork, after the only one who can let it enter was told."""
    namespaces = [guest.take_handle(name) for name in NAMESPACES]
    try:
        inodes = [os.fstat(namespace).st_ino for namespace in namespaces]
        pids = inodes[NAMESPACES.index("pid")]
        expect = {"op": "expect", "branch": guest.number, "inodes": inodes, "pids": pids}
        await parent.root.tell(expect)
        await live.send({"op": "enter"}, fds=namespaces)
    finally:
        for namespace in namespaces:
            os.close(namespace)


async def _admit(parent: Guest, guest: Guest, inodes: list[int]) -> None:
    """Have the fork looked at, count it with its branch, and tell who will reap it."""
    try:
        (worker,) = await guest.ask({"op": "admit", "inodes": inodes}, "admitted")
    except BackendError as error:
        if guest.end is not None and "error" in guest.end:
            raise UsageError(f"This session cannot be branched: {guest.end['error']}.") from error
        raise
    try:
        guest.add_to_cgroup(worker)
        await parent.tell({"op": "adopt", "branch": guest.number}, [worker])
    finally:
        os.close(worker)


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
                why = (live.guest.end or {}).get("error") or live.guest.lost or "it ended"
                raise BackendError(f"The branch did not begin: {why}.")
            await self._news.wait()
            self._news.clear()

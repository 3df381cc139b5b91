"""Guests that are forked and confined ahead of demand."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from typing import TYPE_CHECKING

from .errors import BackendError
from .pressure import is_memory_scarce

if TYPE_CHECKING:
    from collections.abc import Callable

    from .guests import Guest
    from .zygote import Zygote

LEAST = 2
"""Guests that wait when nobody is in a hurry: the next run finds one while another is made."""
MOST = 8
"""Guests that wait at one time. More would only move the work, not save it."""
PATIENCE = 20.0
"""Seconds without demand after which all but the least are given back."""
LULL = 0.004
"""Seconds after a guest was taken until another is made, so that it is not made at the cost of
the run for which that one was taken."""
WATCH = 2.0
"""Seconds between two looks at the host's memory, while guests wait."""
LOOK = 0.1
"""Seconds for which a look counts: one takes a twentieth of the time that a guest takes."""
_AT_ONCE = (os.cpu_count() or 1) + 1
"""Guests made at one time. More would only make each of them later."""


class Pool:
    """Hands out guests, each once, and refills itself in the background.

    It keeps more guests waiting when callers come faster than it refills, and none when memory is
    scarce on this host. An empty pool is no failure: callers are then served in their order.
    """

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self._waiting: deque[Guest] = deque()
        self._callers: deque[asyncio.Future[Guest]] = deque()
        self._forking: set[asyncio.Task[None]] = set()
        self._wanted = LEAST
        self._filling = False
        self._closed = False
        self._looked, self._scarce = -LOOK, False
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def take_waiting(self) -> Guest | None:
        """A guest that waits for its job, if there is one and nobody came before."""
        guest = None if self._callers else self._next()
        if guest is not None:
            self._refill()
        return guest

    async def take(self) -> Guest:
        """A guest that waits for its job, as soon as there is one.

        Raises
        ------
        BackendError
            None could be confined.
        """
        guest = self.take_waiting()
        if guest is None:
            self._wanted = min(self._wanted * 2, MOST)
            guest = await self._called()
            self._refill()
        return guest

    def close(self) -> None:
        """Give back what waits; the zygote's end is the end of all guests anyway."""
        self._closed = True
        for task in self._forking:
            if not task.get_loop().is_closed():
                task.cancel()
        for timer in self._timers.values():
            timer.cancel()
        self._shrink_to(0)

    def _next(self) -> Guest | None:
        while self._waiting:
            guest = self._waiting.popleft()
            if guest.usable:
                return guest
        return None

    async def _called(self) -> Guest:
        """The next guest that becomes ready and is not somebody else's who came before."""
        caller: asyncio.Future[Guest] = asyncio.get_running_loop().create_future()
        self._callers.append(caller)
        self._fork_missing()
        try:
            return await caller
        except asyncio.CancelledError:
            if caller.done() and not caller.cancelled() and caller.exception() is None:
                self._offer(caller.result())
            raise

    def _refill(self) -> None:
        self._at("relax", PATIENCE, self._relax)
        if len(self._waiting) < self._wanted // 2:
            self._fill()
        else:
            self._at("fill", LULL, self._fill)

    def _fill(self) -> None:
        self._filling = not self._closed and not self._memory_is_scarce()
        self._fork_missing()
        self._at("watch", WATCH, self._watch)

    def _fork_missing(self) -> None:
        """Fork for those who wait for a guest, and for the stock if it is time to."""
        missing = len(self._callers)
        if self._filling:
            missing += max(self._wanted - len(self._waiting), 0)
        while len(self._forking) < min(missing, _AT_ONCE) and not self._closed:
            task = asyncio.get_running_loop().create_task(self._fork())
            self._forking.add(task)
            task.add_done_callback(self._forked)

    async def _fork(self) -> None:
        try:
            guest = await self._zygote.fork()
            try:
                await guest.ready()
            except BaseException:
                guest.kill()
                raise
        except BackendError as error:
            # One for the stock will be asked for again by a caller, who will be told why.
            self._filling = False
            caller = self._next_caller()
            if caller is not None:
                caller.set_exception(error)
        else:
            self._offer(guest)

    def _forked(self, task: asyncio.Task[None]) -> None:
        self._forking.discard(task)
        if task.cancelled() or len(self._waiting) >= self._wanted:
            self._filling = False
        if not task.cancelled():  # or an event loop that ends would get new tasks
            self._fork_missing()

    def _offer(self, guest: Guest) -> None:
        caller = self._next_caller()
        if caller is not None:
            caller.set_result(guest)
        elif self._closed:
            guest.kill()
        else:
            self._waiting.append(guest)

    def _next_caller(self) -> asyncio.Future[Guest] | None:
        while self._callers:
            caller = self._callers.popleft()
            if not caller.done():
                return caller
        return None

    # --- giving back ---

    def _relax(self) -> None:
        self._wanted = LEAST
        self._shrink_to(LEAST)

    def _watch(self) -> None:
        if self._memory_is_scarce():
            self._shrink_to(0)
        if self._waiting or self._forking:
            self._at("watch", WATCH, self._watch)

    def _memory_is_scarce(self) -> bool:
        now = time.monotonic()
        if now - self._looked > LOOK:
            self._looked, self._scarce = now, is_memory_scarce()
        return self._scarce

    def _shrink_to(self, count: int) -> None:
        while len(self._waiting) > count:
            self._waiting.pop().kill()

    def _at(self, name: str, seconds: float, do: Callable[[], None]) -> None:
        """Call ``do`` after so many seconds, instead of when it was last to be called."""
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, do)

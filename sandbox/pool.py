"""Guests that are forked and confined ahead of demand."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from .errors import BackendError

if TYPE_CHECKING:
    from .guests import Guest
    from .zygote import Zygote

MOST = 8
"""Guests that wait at one time. More would only move the work, not save it."""
PATIENCE = 20.0
"""Seconds without demand after which all but one are given back."""


class Pool:
    """Hands out guests, each once, and refills itself in the background.

    It keeps one guest waiting, and more when callers come faster than it refills. An empty pool
    is no failure: the caller's guest is then forked on demand.
    """

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self._waiting: deque[Guest] = deque()
        self._wanted = 1
        self._filling: asyncio.Task[None] | None = None
        self._shrinking: asyncio.TimerHandle | None = None

    async def take(self) -> Guest:
        """A guest that waits for its job.

        Raises
        ------
        BackendError
            None could be confined.
        """
        guest = self._next()
        if guest is None:
            self._wanted = min(self._wanted * 2, MOST)
            guest = await self._fork()
        self._refill()
        return guest

    def close(self) -> None:
        """Give back what waits; the zygote's end is the end of all guests anyway."""
        self._wanted = 0
        if self._filling is not None:
            self._filling.cancel()
        if self._shrinking is not None:
            self._shrinking.cancel()
        self._shrink_to(0)

    def _next(self) -> Guest | None:
        while self._waiting:
            guest = self._waiting.popleft()
            if guest.usable:
                return guest
        return None

    async def _fork(self) -> Guest:
        guest = await self._zygote.fork()
        try:
            await guest.ready()
        except BaseException:
            guest.kill()
            raise
        return guest

    def _refill(self) -> None:
        loop = asyncio.get_running_loop()
        if self._shrinking is not None:
            self._shrinking.cancel()
        self._shrinking = loop.call_later(PATIENCE, self._relax)
        if self._filling is None or self._filling.done():
            self._filling = loop.create_task(self._fill())

    async def _fill(self) -> None:
        # A guest that cannot be had now is asked for again by a caller, who will be told why.
        with contextlib.suppress(BackendError):
            while len(self._waiting) < self._wanted:
                self._waiting.append(await self._fork())

    def _relax(self) -> None:
        self._wanted = 1
        self._shrink_to(1)

    def _shrink_to(self, count: int) -> None:
        while len(self._waiting) > count:
            self._waiting.pop().kill()

"""Calls that wait for each other, in the order in which they came."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..cancellation import CancellationToken


class Turns:
    """One call at a time."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, token: CancellationToken | None) -> AsyncGenerator[bool, None]:
        """Wait for one's turn; false, and at once, when the token is cancelled before it comes."""
        mine = await self._wait(token)
        try:
            yield mine
        finally:
            if mine:
                self._lock.release()

    async def _wait(self, token: CancellationToken | None) -> bool:
        waiting = asyncio.ensure_future(self._lock.acquire())
        if token is not None:
            token.link_future(waiting)
        try:
            await asyncio.wait([waiting])
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():
                self._lock.release()
            waiting.cancel()
            raise
        return not waiting.cancelled()

"""Keeps a team from running twice at once."""

import asyncio
import weakref
from collections.abc import AsyncGenerator
from typing import Any

from ...sandbox.errors import UsageError


class Run:
    """One iteration over a team's stream."""

    def __init__(self) -> None:
        self._stream: weakref.ref[AsyncGenerator[Any, None]] | None = None
        self.ended = asyncio.Event()

    def belongs_to(self, stream: AsyncGenerator[Any, None]) -> None:
        self._stream = weakref.ref(stream)

    @property
    def abandoned(self) -> bool:
        """True when nobody can iterate any more; asyncio is closing the stream, or has."""
        return self._stream is not None and self._stream() is None


class RunGuard:
    """Lets one run in at a time.

    After a ``break`` the stream's last reference is gone, and the event loop closes it in a
    moment. A new run waits for that; beside a run somebody still holds it is a mistake.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._run: Run | None = None

    async def enter(self, run: Run) -> None:
        """Begin a run.

        Raises
        ------
        UsageError
            Another one is going on.
        """
        while self._run is not None:
            self.check()
            await self._run.ended.wait()
        self._run = run

    def leave(self, run: Run) -> None:
        self._run = None
        run.ended.set()

    def check(self) -> None:
        """Nobody is running.

        Raises
        ------
        UsageError
            Somebody is.
        """
        if self._run is not None and not self._run.abandoned:
            raise UsageError(
                f"Team {self._name!r} is already running. Wait for the end of the run, or close "
                "its stream (await stream.aclose())."
            )

    async def idle(self) -> None:
        """Wait until an abandoned run is closed.

        Raises
        ------
        UsageError
            The team is running.
        """
        self.check()
        if self._run is not None:
            await self._run.ended.wait()

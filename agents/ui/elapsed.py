"""How long nothing has happened, told in one line that is written over and over."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from rich.console import Console

from ..terminal_turn import terminal_is_taken
from .style import Signs

_AFTER = 3.0  # seconds before it is worth a line
_ERASE = "\r\x1b[2K"


class Elapsed:
    """The line. It is on a terminal only, and not while a person is asked or in another line."""

    def __init__(self, console: Console, signs: Signs, *, after: float = _AFTER) -> None:
        self._console = console
        self._signs = signs
        self._after = after
        self._since: float | None = None
        self._shown = False

    def start(self) -> None:
        """Something is being waited for, and the cursor is where a line begins."""
        self._since = time.monotonic() if self._console.is_terminal else None

    def stop(self) -> None:
        """Something is about to be printed."""
        self._since = None
        if self._shown:
            self._shown = False
            self._console.file.write(_ERASE)

    def tick(self) -> None:
        """Bring the line up to date."""
        if self._since is None or (seconds := time.monotonic() - self._since) < self._after:
            return
        self._shown = True
        self._console.file.write(f"{_ERASE}  {self._signs.dot} {seconds:.0f} s")
        self._console.file.flush()

    @asynccontextmanager
    async def ticking(self) -> AsyncGenerator[None]:
        """Bring it up to date every second inside."""

        async def tick() -> None:
            while True:
                await asyncio.sleep(1)
                if not terminal_is_taken():
                    self.tick()

        ticker = asyncio.create_task(tick())
        try:
            yield
        finally:
            ticker.cancel()
            with suppress(asyncio.CancelledError):
                await ticker
            self.stop()

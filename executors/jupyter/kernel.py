"""A running kernel: one cell at a time, interrupted or killed from outside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from ...sandbox.errors import BackendCrashed
from .cell import Cell

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from ...sandbox.result import CodeResult, OutputEvent
    from .cell import Reason
    from .messages import Message
    from .place import PlacedKernel

START_SECONDS = 60.0
"""What a kernel has to answer for the first time."""
OBEY_SECONDS = 3.0
"""What an interrupted kernel has to obey, before it is killed."""
IDLE_SECONDS = 5.0
"""How long to wait for a kernel that has answered to say that it is idle: what it publishes can
get lost when it publishes faster than anybody can read (zmq_socket(7), PUB)."""
_ASK_AGAIN_SECONDS = 0.1


class Line(Protocol):
    """What messages go over."""

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Send a request; its id."""
        ...

    def close(self) -> None:
        """Hang up; idempotent."""


Listener = Callable[["Message | None"], None]
"""Gets each message; ``None`` stands for one that was malformed or too large."""


class Kernel:
    """A kernel that answers; made by :meth:`start`.

    Parameters
    ----------
    placed:
        The process in its place, which this owns from now on.
    by_message:
        It wants a message to be interrupted, not a signal.
    answer:
        Answers ``input()``: gets the prompt and whether the answer is secret. Without it the
        kernel is told that nobody answers.
    """

    def __init__(
        self,
        placed: PlacedKernel,
        *,
        by_message: bool = False,
        answer: Callable[[str, bool], Awaitable[str]] | None = None,
    ) -> None:
        self.placed = placed
        self._by_message = by_message
        self._answer = answer
        self._line: Line | None = None
        self._cell: Cell | None = None
        self._listening = False
        self._news = asyncio.Event()
        self._ending = asyncio.ensure_future(placed.wait())
        self._ending.add_done_callback(lambda _: self._on_end())
        self._answered = False
        self.language_info: dict[str, Any] = {}
        """What the kernel says of its language: name, version, mimetype, …"""

    # --- life ---

    async def start(self) -> None:
        """Wait until it answers.

        Raises
        ------
        BackendCrashed
            It ended before, or did not answer in time.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._until_alive()
        except TimeoutError:
            raise BackendCrashed(
                f"The kernel did not answer within {START_SECONDS:.0f} s and was killed."
            ) from None

    async def _until_alive(self) -> None:
        connecting = asyncio.ensure_future(self.placed.connect(self._on_message))
        try:
            await asyncio.wait([connecting, self._ending], return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                raise self._death()
            self._line = connecting.result()
        finally:
            connecting.cancel()
        # What it publishes is heard only once it knows that we listen: so ask until it is.
        while not self._ready:
            if self._ending.done():
                raise self._death()
            self._news.clear()
            self._line.send("shell", "kernel_info_request", {})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ASK_AGAIN_SECONDS):
                    while not self._ready:
                        await self._news.wait()
                        self._news.clear()
                        if self._ending.done():
                            break

    @property
    def _ready(self) -> bool:
        return self._answered and self._listening

    @property
    def alive(self) -> bool:
        return not self._ending.done()

    async def ended(self) -> CodeResult:
        """How it ended; waits for that.

        Raises
        ------
        BackendError
            The place it was in is gone.
        """
        await asyncio.wait([self._ending])
        if self._ending.cancelled():
            raise BackendCrashed("The kernel was lost.")
        return self._ending.result()

    async def close(self) -> None:
        """Kill it and hang up; idempotent."""
        try:
            await self.placed.close()
        finally:
            if self._line is not None:
                self._line.close()
            self._ending.cancel()
            await asyncio.wait([self._ending])

    # --- cells ---

    def begin(self, code: str, limit: int, *, shell: bool = False, silent: bool = False) -> Cell:
        """Let it run ``code``; one at a time."""
        assert self._line is not None
        content: dict[str, Any] = {
            "code": code,
            "silent": silent,
            "store_history": not silent,
            "user_expressions": {},
            "allow_stdin": self._answer is not None,
            "stop_on_error": False,
        }
        self._cell = Cell("", limit, shell=shell)
        self._cell.request = self._line.send("shell", "execute_request", content)
        return self._cell

    async def run_silently(self, code: str) -> None:
        """Run code of ours, of which nothing is told.

        Raises
        ------
        BackendCrashed
            It failed.
        """
        cell = self.begin(code, 1, silent=True)
        async with asyncio.timeout(START_SECONDS), aclosing(self.follow(cell)) as events:
            async for _ in events:
                pass
        if cell.exit_code:
            raise BackendCrashed("The kernel could not be set up.")

    async def follow(self, cell: Cell) -> AsyncGenerator[OutputEvent, None]:
        """What the cell prints, until it is over or the kernel dead."""
        while not cell.over and self.alive:
            if cell.reply is None:
                await cell.changed.wait()
            elif not await _within(IDLE_SECONDS, cell.changed.wait()):
                cell.outputs.dropped += 1
                cell.idle = True
            cell.changed.clear()
            for event in cell.events():
                yield event
            while cell.asked:
                await self._respond(cell, *cell.asked.popleft())
        for event in cell.events():
            yield event

    def end(self, cell: Cell, reason: Reason) -> None:
        """Interrupt the cell; kill the kernel if that does not help. Returns at once."""
        if cell.reason is not None or cell.over:
            return
        cell.reason = reason
        cell.changed.set()
        loop = asyncio.get_running_loop()
        if cell.begun:
            self._interrupt()
        # A kernel ignores signals between two cells, so that one may come too early to be heard.
        loop.call_later(OBEY_SECONDS / 2, self._interrupt_again, cell)
        loop.call_later(OBEY_SECONDS, self._kill_if_disobedient, cell)

    async def settle(self, cell: Cell) -> None:
        """After :meth:`end`: wait until it is over, one way or the other."""
        while not cell.over and self.alive:
            await cell.changed.wait()
            cell.changed.clear()

    def _interrupt(self) -> None:
        if self._by_message and self._line is not None:
            self._line.send("control", "interrupt_request", {})
        else:
            self.placed.interrupt()

    def _interrupt_again(self, cell: Cell) -> None:
        if not cell.over:
            self._interrupt()

    def _kill_if_disobedient(self, cell: Cell) -> None:
        if not cell.over and self.alive:
            self._killing = asyncio.ensure_future(self.placed.close())

    async def _respond(self, cell: Cell, prompt: str, secret: bool) -> None:
        """Give the kernel the answer it waits for, unless the cell is ended meanwhile."""
        if self._answer is None or self._line is None:
            return
        asking = asyncio.ensure_future(self._answer(prompt, secret))
        try:
            while not asking.done() and cell.reason is None and self.alive:
                changed = asyncio.ensure_future(cell.changed.wait())
                await asyncio.wait([asking, changed], return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                cell.changed.clear()
            if asking.done():
                self._line.send("stdin", "input_reply", {"value": asking.result()})
        finally:
            asking.cancel()

    # --- what it says ---

    def _on_message(self, message: Message | None) -> None:
        cell = self._cell
        if message is None:
            if cell is not None:
                cell.outputs.dropped += 1
            return
        if message.kind == "kernel_info_reply":
            self._answered = True
            info = message.content.get("language_info")
            self.language_info = info if isinstance(info, dict) else {}  # pyright: ignore
            self._news.set()
        elif message.kind == "status" and not self._listening:
            self._listening = True
            self._news.set()
        if cell is None or message.parent != cell.request:
            return  # of an earlier cell, from a thread it left behind
        waited_for = not cell.begun and cell.reason is not None
        cell.take(message)
        if waited_for and cell.begun:
            self._interrupt()

    def _on_end(self) -> None:
        self._news.set()
        if self._cell is not None:
            self._cell.changed.set()

    def _death(self) -> BackendCrashed:
        if self._ending.cancelled() or self._ending.exception() is not None:
            return BackendCrashed("The kernel was lost at its start.")
        result = self._ending.result()
        last = "\n".join(result.output.strip().splitlines()[-8:])
        return BackendCrashed(
            f"The kernel ended at its start with exit code {result.exit_code}"
            + (f":\n{last}" if last else ", without a word.")
        )


async def _within(seconds: float, waiting: Any) -> bool:
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        return False
    return True

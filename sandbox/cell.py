"""One execution in a session, from outside."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from . import evidence, values
from .errors import BackendCrashed, UsageError
from .intake.kept import Kept
from .result import EXIT_CANCELLED, EXIT_TIMEOUT, CellResult, OutputEvent, RichOutput, Usage
from .rich import RichCollector

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from .cgroup import Accounts
    from .live import LiveGuest
    from .result import Denial
    from .workspace import Snapshot

    OnInput = Callable[[str], str | Awaitable[str | None] | None]
    CellEvent = OutputEvent | RichOutput | CellResult

GRACE = 1.0
"""Seconds a cell has to end after an interrupt; then its interpreter is killed."""
_MOST_QUESTIONS = 16
"""That wait for an answer; an honest interpreter asks one at a time."""
_LONGEST_ANSWER = 1 << 20

Verdict = Literal["timeout", "cancelled"]
_EXIT_CODES = {"timeout": EXIT_TIMEOUT, "cancelled": EXIT_CANCELLED}


class Cell:
    """Code that is about to run in a session, runs, or has run.

    ``timeout`` is in seconds of wall time. ``on_input`` answers ``input()``.
    """

    def __init__(self, number: int, timeout: float | None, on_input: OnInput | None) -> None:
        self._number = number
        self._timeout = timeout
        self._on_input = on_input
        self._verdict: Verdict | None = None
        self._killed = False
        self._sent = self._called_off = False
        self._exit_code: int | None = None
        self._value: Any = None
        self._kept = Kept()
        self._rich = RichCollector(self._kept)
        self._questions: deque[str] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._timers: list[asyncio.TimerHandle] = []

    async def stream(
        self, live: LiveGuest, header: dict[str, Any], body: bytes
    ) -> AsyncGenerator[CellEvent, None]:
        """Send the cell to ``live`` and follow it; the result comes last.

        Leaving the iteration interrupts it, and kills the interpreter if that does not help.

        Raises
        ------
        BackendCrashed
            The sandbox was lost.
        """
        self._live = live
        await live.quiet()  # an interrupt that came too late for the last is not for this one
        before = live.workspace.snapshot()
        self._collector = live.collector
        live.listen(self)
        started = time.monotonic()
        if self._timeout is not None:
            self._call_later(self._timeout, self._decide, "timeout")
        # Not awaited: an interpreter that is no longer ours may never read it.
        sending = asyncio.ensure_future(
            live.send({"op": "cell", "id": self._number, **header}, body)
        )
        self._sent = True
        if self._called_off:
            self.interrupt()
        try:
            while not self._over():
                for event in live.take_events():
                    yield event
                await self._changed.wait()
                self._changed.clear()
        finally:
            try:
                await self._settle()
            finally:
                last = self._leave(sending)
        for event in last:
            yield event
        duration = time.monotonic() - started
        yield self._result(duration, before, await live.left())

    def interrupt(self) -> None:
        """Raise ``KeyboardInterrupt`` in the cell, at its begin if it has not begun."""
        self._called_off = True
        if self._sent:
            self._live.interrupt(self._number)

    def cancel(self) -> None:
        """Kill the cell with its interpreter; its result says that it was cancelled."""
        if self._verdict is None and not self._ended:
            self._verdict = "cancelled"
        self._kill()

    # --- what the session says: hostile, all of it ---

    def on_frame(self, header: dict[str, Any], body: bytes) -> bool:
        if isinstance(header["id"], str):
            return False  # of a branch that was given up
        if header["id"] > self._number:
            raise ValueError("it spoke of a cell that it does not have")
        if header["id"] < self._number or self._exit_code is not None:
            return False  # of a cell that has ended
        self._take(header, body)
        self._changed.set()
        return True

    def on_change(self) -> None:
        self._changed.set()

    def _take(self, header: dict[str, Any], body: bytes) -> None:
        match header["op"]:
            case "display":
                shown = self._rich.feed(header["forms"], header["metadata"], body)
                if shown is not None:
                    self._live.events.append(shown)
            case "input":
                self._ask(header["prompt"])
            case _:  # done
                self._value = values.load(header["kind"], body, self._kept)
                self._exit_code = header["exit_code"]

    # --- its questions ---

    def _ask(self, prompt: str) -> None:
        if len(self._questions) >= _MOST_QUESTIONS:
            raise ValueError("too many questions")
        self._questions.append(prompt)
        if self._answering is None or self._answering.done():
            self._answering = asyncio.ensure_future(self._answer())
            self._answering.add_done_callback(lambda _: self._changed.set())

    async def _answer(self) -> None:
        while self._questions:
            answer = None
            if self._on_input is not None:
                given = self._on_input(self._questions[0])
                answer = await given if inspect.isawaitable(given) else given
            self._questions.popleft()
            header = {"op": "answer", "id": self._number, "refused": answer is None}
            await self._live.send(header, b"" if answer is None else _encoded(answer))

    # --- its end ---

    @property
    def _ended(self) -> bool:
        return self._exit_code is not None or self._live.ended

    def _over(self) -> bool:
        """True when the cell has ended, or its interpreter, or was killed.

        Raises
        ------
        BackendCrashed
            The sandbox was lost, and nobody had decided to end the cell.
        """
        if self._live.guest.lost is not None and self._verdict is None:
            raise BackendCrashed(self._live.guest.lost)
        if self._answering is not None and self._answering.done():
            self._answering.result()  # what the caller's function raises is the caller's
        return self._ended or self._killed

    def _decide(self, verdict: Verdict) -> None:
        """Interrupt the cell; if it goes on, kill it with its interpreter."""
        if self._verdict is None and not self._ended:
            self._verdict = verdict
            self.interrupt()
            self._call_later(GRACE, self._kill)

    def _kill(self) -> None:
        if not self._ended:
            self._killed = True
            self._live.guest.kill()
            self._changed.set()

    async def _settle(self) -> None:
        """Make an end of a cell that was left, and wait for it even if cancelled again."""
        if self._ended:
            return
        self._decide("cancelled")
        ending = asyncio.ensure_future(self._end())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await asyncio.wait([ending])
            raise

    async def _end(self) -> None:
        while not self._ended and not self._killed:
            await self._changed.wait()
            self._changed.clear()
        if not self._ended and not await self._live.guest.dead():
            raise BackendCrashed("A killed cell did not end; do not trust this sandbox.")

    def _leave(self, sending: asyncio.Task[None]) -> list[OutputEvent | RichOutput]:
        """Let go of the interpreter; returns what has not been told."""
        for timer in self._timers:
            timer.cancel()
        for task in (sending, self._answering):
            if task is not None and not task.cancel() and not task.cancelled():
                task.exception()  # whoever left does not want to know
        self._live.drain()
        self._live.listen(None)
        events = [*self._live.take_events(), *self._collector.finish()]
        self._live.new_collector()
        return events

    def _call_later(self, seconds: float, function: Any, *args: Any) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, function, *args))

    # --- its result ---

    def _result(self, duration: float, before: Snapshot, left: tuple[Denial, ...]) -> CellResult:
        live, collector = self._live, self._collector
        end: dict[str, Any] = {"exit_code": self._exit_code}
        if self._exit_code is None:
            end = live.guest.end or {"exit_code": EXIT_CANCELLED}
        exit_code = _EXIT_CODES[self._verdict] if self._verdict else int(end["exit_code"])
        used, denied, contacted = live.since_last_cell()
        return CellResult(
            exit_code=exit_code,
            output=collector.output,
            stdout=collector.stdout,
            stderr=collector.stderr,
            outputs=tuple(self._rich.outputs),
            artifacts=live.workspace.artifacts(before) if live.zygote.alive else (),
            timed_out=self._verdict == "timeout",
            cancelled=self._verdict == "cancelled",
            limit_hit=self._limit_hit(exit_code, used),
            truncated=collector.truncated or self._kept.truncated,
            duration=duration,
            usage=evidence.usage(end, used) if used else Usage(),
            denials=(*denied, *left),
            contacts=contacted,
            isolation=live.zygote.isolation,
            value=self._value,
            state_lost=self._exit_code is None,
        )

    def _limit_hit(self, exit_code: int, used: Accounts | None) -> str | None:
        if self._verdict == "timeout":
            return "timeout"
        if not exit_code:
            return None
        return evidence.limit_hit(self._live.guest.limit, used, self._collector.stderr)


def _encoded(answer: str) -> bytes:
    """An answer of the caller's function.

    Raises
    ------
    UsageError
        It is no text, or too much.
    """
    if not isinstance(answer, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(f"on_input answers with text or None, not with {answer!r:.100}.")
    if len(answer) > _LONGEST_ANSWER:
        raise UsageError(f"An answer of {len(answer):,} characters is over the limit.")
    return answer.encode("utf-8", "replace")

"""One program in a guest, from outside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from .errors import BackendCrashed, BackendError
from .output import OutputCollector, Stream
from .result import EXIT_CANCELLED, EXIT_TIMEOUT, CodeResult, OutputEvent, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from .workspace import Workspace

_CHUNK = 1 << 16
_DEATH = 5.0
"""Seconds a killed guest has to be gone; the kernel takes milliseconds."""

Verdict = Literal["timeout", "cancelled"]


class Run:
    """A program that is about to run, runs, or has run.

    :meth:`stream` starts it and tells what it prints, the result last. :meth:`cancel` may be
    called at any time, from any thread.
    """

    def __init__(self, *, timeout: float | None, output: int) -> None:
        self._timeout = timeout
        self._isolation: tuple[str, ...] = ()
        self._collector = OutputCollector(output)
        self._events: deque[OutputEvent] = deque()
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pidfd: int | None = None
        self._pipes: dict[int, Stream] = {}
        self._verdict: Verdict | None = None
        self._killed = False
        self._end: dict[str, Any] | None = None
        self._lost: str | None = None

    def cancel(self) -> None:
        """Kill the program; its result says that it was cancelled."""
        if self._loop is None:
            self._verdict = self._verdict or "cancelled"
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._decide, "cancelled")

    async def stream(
        self,
        spawn: Callable[[Run, list[int]], Awaitable[None]],
        workspace: Workspace,
        isolation: tuple[str, ...],
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]:
        """Start the program with ``spawn`` and follow it.

        Raises
        ------
        BackendError
            The program could not be confined (then it did not run), or the guest was lost.
        """
        self._loop = asyncio.get_running_loop()
        self._isolation = isolation
        if self._verdict is not None:
            yield self._result(0.0, ())
            return
        before = workspace.snapshot()
        started = time.monotonic()
        timer = (
            self._loop.call_later(self._timeout, self._decide, "timeout") if self._timeout else None
        )
        try:
            await self._spawn(spawn)
            while not self._finished():
                await self._changed.wait()
                self._changed.clear()
                while self._events:
                    yield self._events.popleft()
        finally:
            if timer is not None:
                timer.cancel()
            await self._make_sure_it_is_dead()
        if self._lost is not None:
            raise BackendCrashed(self._lost)
        if self._end and self._end["error"]:
            raise BackendError(f"The program was not run: {self._end['error']}.")
        for event in self._collector.finish():
            yield event
        yield self._result(time.monotonic() - started, workspace.artifacts(before))

    # --- what the zygote reports ---

    def started(self, pidfd: int) -> None:
        """The guest lives; this run owns its pidfd from now on."""
        self._pidfd = pidfd
        if self._killed:
            self._kill()

    def exited(self, end: dict[str, Any]) -> None:
        """The guest's first process has ended, and with it all others."""
        self._end = end
        self._close_pidfd()
        self._changed.set()

    def lost(self, why: str) -> None:
        """The zygote has gone, and the guest with it."""
        if self._end is not None:
            return
        if self._verdict is None:
            self._lost = why
        else:  # it was to be killed, and so it was
            self.exited({"exit_code": EXIT_CANCELLED, "error": None})
        self._close_pidfd()
        self._changed.set()

    # --- inside ---

    async def _spawn(self, spawn: Callable[[Run, list[int]], Awaitable[None]]) -> None:
        assert self._loop is not None
        ends: list[int] = []
        names: tuple[Stream, Stream] = ("stdout", "stderr")
        try:
            for name in names:
                read, write = os.pipe2(os.O_CLOEXEC)
                ends.append(write)
                os.set_blocking(read, False)
                self._pipes[read] = name
                self._loop.add_reader(read, self._readable, read)
            await spawn(self, ends)
        finally:
            for end in ends:
                os.close(end)

    def _readable(self, pipe: int) -> None:
        # One chunk a call: the event loop calls in the order in which pipes became readable,
        # which keeps the two streams interleaved as they were.
        try:
            data = os.read(pipe, _CHUNK)
        except BlockingIOError:
            return
        if data:
            event = self._collector.feed(self._pipes[pipe], data)
            if event is not None:
                self._events.append(event)
                self._changed.set()
        else:
            self._close_pipe(pipe)
            self._changed.set()

    def _finished(self) -> bool:
        if self._lost is not None:
            return True
        return self._end is not None and not self._pipes and not self._events

    def _decide(self, verdict: Verdict) -> None:
        if self._end is None and self._verdict is None:
            self._verdict = verdict
            self._kill()

    def _kill(self) -> None:
        self._killed = True
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def _make_sure_it_is_dead(self) -> None:
        """Kill what still runs, whatever ended the iteration, and wait until it is gone."""
        if self._end is None and self._lost is None:
            self._kill()
            death = asyncio.ensure_future(self._gone())
            try:
                await asyncio.shield(asyncio.wait_for(death, _DEATH))
            except asyncio.CancelledError:
                await asyncio.wait([death], timeout=_DEATH)
                raise
            except TimeoutError:
                self._lost = "A killed program did not end; the sandbox is not to be trusted."
        for pipe in list(self._pipes):
            self._close_pipe(pipe)

    async def _gone(self) -> None:
        while self._end is None and self._lost is None:
            self._changed.clear()
            await self._changed.wait()

    def _close_pipe(self, pipe: int) -> None:
        assert self._loop is not None
        del self._pipes[pipe]
        self._loop.remove_reader(pipe)
        os.close(pipe)

    def _close_pidfd(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def _result(self, duration: float, artifacts: Any) -> CodeResult:
        end = self._end or {"exit_code": EXIT_CANCELLED}
        exit_codes = {"timeout": EXIT_TIMEOUT, "cancelled": EXIT_CANCELLED}
        return CodeResult(
            exit_code=exit_codes[self._verdict] if self._verdict else end["exit_code"],
            output=self._collector.output,
            stdout=self._collector.stdout,
            stderr=self._collector.stderr,
            artifacts=artifacts,
            timed_out=self._verdict == "timeout",
            cancelled=self._verdict == "cancelled",
            limit_hit="timeout" if self._verdict == "timeout" else None,
            truncated=self._collector.truncated,
            duration=duration,
            usage=Usage(end.get("cpu_seconds"), end.get("peak_memory")),
            isolation=self._isolation,
        )

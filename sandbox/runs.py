"""One program in a guest, from outside."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from . import evidence
from .errors import BackendCrashed
from .output import OutputCollector, add_event
from .result import EXIT_CANCELLED, EXIT_KILLED, EXIT_TIMEOUT, CodeResult, OutputEvent
from .streams import OutputPipes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .cgroup import Accounts
    from .guests import Guest
    from .network import Proxy
    from .output import Stream
    from .result import Artifact, Denial
    from .zygote import Zygote

Verdict = Literal["timeout", "cancelled"]

_EXIT_CODES = {"timeout": EXIT_TIMEOUT, "cancelled": EXIT_CANCELLED}


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
        self._guest: Guest | None = None
        self._proxy: Proxy | None = None
        self._pipes: OutputPipes | None = None
        self._verdict: Verdict | None = None
        self._exceeded: str | None = None
        self._left: tuple[Denial, ...] = ()
        self._zygote: Zygote | None = None

    def cancel(self) -> None:
        """Kill the program; its result says that it was cancelled."""
        if self._loop is None:
            self._verdict = self._verdict or "cancelled"
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._decide, "cancelled")

    def interrupt(self) -> None:
        """Send SIGINT to the program, as Ctrl-C does; it may live on. From the event loop only."""
        if self._guest is not None:
            self._guest.interrupt()

    async def stream(
        self,
        job: tuple[dict[str, Any], bytes],
        zygote: Zygote,
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]:
        """Give the job to a guest of ``zygote`` and follow it.

        Raises
        ------
        BackendError
            No guest could be confined (then nothing ran), or the guest was lost.
        """
        self._loop = asyncio.get_running_loop()
        self._isolation, self._zygote = zygote.isolation, zygote
        if self._verdict is not None:
            yield self._result(0.0, ())
            return
        before = zygote.workspace.snapshot()
        started = time.monotonic()
        timer = (
            self._loop.call_later(self._timeout, self._decide, "timeout") if self._timeout else None
        )
        try:
            guest = await self._take_guest(zygote)
            if guest is not None:
                self._open_door(guest, zygote)
                zygote.watch(guest)
                await self._start(guest, job, zygote.owner)
                while not self._finished(guest):
                    await self._changed.wait()
                    self._changed.clear()
                    while self._events:
                        yield self._events.popleft()
        finally:
            if timer is not None:
                timer.cancel()
            try:
                await self._make_sure_it_is_dead()
            finally:
                self._close_pipes()
                if self._proxy is not None:
                    await self._proxy.close()
        while self._events:
            yield self._events.popleft()
        for event in self._collector.finish():
            yield event
        self._exceeded = await zygote.exceeded() if zygote.alive else None
        # A sandbox that was closed meanwhile has no workspace any more.
        await self.look_at_files()
        artifacts = zygote.workspace.artifacts(before) if zygote.alive else ()
        yield self._result(time.monotonic() - started, artifacts)

    async def look_at_files(self) -> None:
        """Find what has been left in a workspace of the caller's, to be among the denials."""
        if self._zygote is not None and self._zygote.alive:
            self._left = (*self._left, *(await self._zygote.left()))

    # --- inside ---

    async def _take_guest(self, zygote: Zygote) -> Guest | None:
        """A guest, or none when the time is up or the run cancelled before one could be had."""
        self._guest = zygote.pool.take_waiting() or await self._wait_for_guest(zygote)
        if self._guest is not None:
            self._guest.on_end = self._changed.set
        return self._guest if self._verdict is None else None

    async def _wait_for_guest(self, zygote: Zygote) -> Guest | None:
        taking = asyncio.ensure_future(zygote.pool.take())
        changed = asyncio.ensure_future(self._changed.wait())
        guest = None
        try:
            await asyncio.wait([taking, changed], return_when=asyncio.FIRST_COMPLETED)
            guest = taking.result() if taking.done() else None
            return guest
        finally:
            changed.cancel()
            if guest is None:
                taking.cancel()
                taking.add_done_callback(_give_up)

    def _open_door(self, guest: Guest, zygote: Zygote) -> None:
        """Accept what the guest sends to its proxy; its network has no other way out."""
        door = guest.take_door()
        if door is not None:
            self._proxy = zygote.new_proxy()
            self._proxy.start(door)

    async def _start(
        self, guest: Guest, job: tuple[dict[str, Any], bytes], owner: int | None
    ) -> None:
        self._pipes = OutputPipes(self._take_output, owner)
        try:
            await guest.send_job(*job, self._pipes.ends)
        finally:
            self._pipes.close_ends()

    def _take_output(self, stream: Stream, data: bytes) -> None:
        event = self._collector.feed(stream, data)
        if event is not None:
            add_event(self._events, event)
            self._changed.set()

    def _finished(self, guest: Guest) -> bool:
        """True when the guest has ended, or somebody decided to end it.

        Raises
        ------
        BackendCrashed
            It was lost, and nobody had decided to end it.
        """
        if guest.lost is not None and self._verdict is None:
            raise BackendCrashed(guest.lost)
        return guest.end is not None or self._verdict is not None

    def _close_pipes(self) -> None:
        if self._pipes is not None:
            self._pipes.drain()
            self._pipes.close()

    def _decide(self, verdict: Verdict) -> None:
        ended = self._guest is not None and self._guest.end is not None
        if self._verdict is None and not ended:
            self._verdict = verdict
            if self._guest is not None:
                self._guest.kill()
            self._changed.set()

    async def _make_sure_it_is_dead(self) -> None:
        """Kill what still runs, whatever ended the iteration, and wait until it is gone."""
        guest = self._guest
        if guest is None or guest.end is not None or guest.lost is not None:
            return
        death = asyncio.ensure_future(guest.dead())
        try:
            dead = await asyncio.shield(death)
        except asyncio.CancelledError:
            await asyncio.wait([death])
            raise
        if not dead:
            raise BackendCrashed("A killed program did not end; do not trust this sandbox.")

    def _result(self, duration: float, artifacts: tuple[Artifact, ...]) -> CodeResult:
        end = (self._guest.end if self._guest else None) or {"exit_code": EXIT_CANCELLED}
        accounts = self._guest.accounts if self._guest else None
        exit_code = _EXIT_CODES[self._verdict] if self._verdict else int(end["exit_code"])
        if self._exceeded and not exit_code:  # it was faster than who would have killed it
            exit_code = EXIT_KILLED
        return CodeResult(
            exit_code=exit_code,
            output=self._collector.output,
            stdout=self._collector.stdout,
            stderr=self._collector.stderr,
            artifacts=artifacts,
            timed_out=self._verdict == "timeout",
            cancelled=self._verdict == "cancelled",
            limit_hit=self._limit_hit(exit_code, accounts),
            truncated=self._collector.truncated,
            duration=duration,
            usage=evidence.usage(end, accounts),
            denials=self._denials(),
            contacts=self._proxy.log.contacted if self._proxy else (),
            isolation=self._isolation,
        )

    def _denials(self) -> tuple[Denial, ...]:
        calls = self._guest.denied_calls if self._guest else ()
        hosts = self._proxy.log.refused if self._proxy else ()
        breach = self._guest.breach if self._guest else None
        return (*evidence.denials(calls, hosts, breach), *self._left)

    def _limit_hit(self, exit_code: int, accounts: Accounts | None) -> str | None:
        if self._verdict == "timeout":
            return "timeout"
        if not exit_code:
            return None
        told = self._exceeded or (self._guest.limit if self._guest else None)
        return evidence.limit_hit(told, accounts, self._collector.stderr)


def _give_up(taking: asyncio.Future[Guest]) -> None:
    """Kill a guest that came when nobody waited for it any more."""
    if not taking.cancelled() and taking.exception() is None:
        taking.result().kill()

"""One program in a guest, from outside."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from .errors import BackendCrashed
from .output import OutputCollector, Stream
from .result import EXIT_CANCELLED, EXIT_TIMEOUT, CodeResult, Denial, OutputEvent, Usage
from .seccomp import call_name

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .cgroup import Accounts
    from .guests import Guest
    from .network import Proxy
    from .result import Artifact
    from .zygote import Zygote

_CHUNK = 1 << 16
_PIPE = 1 << 20
Verdict = Literal["timeout", "cancelled"]

_EXIT_CODES = {"timeout": EXIT_TIMEOUT, "cancelled": EXIT_CANCELLED}
_LAST_WORDS = (
    ("MemoryError", "memory"),
    ("std::bad_alloc", "memory"),
    ("Cannot allocate memory", "memory"),
    ("No space left on device", "disk"),
    ("File size limit exceeded", "disk"),
    ("File too large", "disk"),
    ("Resource temporarily unavailable", "processes"),
    ("can't start new thread", "processes"),
)


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
        self._pipes: dict[int, Stream] = {}
        self._verdict: Verdict | None = None

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
        self._isolation = zygote.isolation
        if self._verdict is not None:
            yield self._result(0.0, ())
            return
        before = zygote.workspace.snapshot()
        started = time.monotonic()
        timer = (
            self._loop.call_later(self._timeout, self._decide, "timeout") if self._timeout else None
        )
        try:
            guest = await self._take(zygote)
            if guest is not None:
                self._open_door(guest, zygote)
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
                self._drain()
                if self._proxy is not None:
                    await self._proxy.close()
        while self._events:
            yield self._events.popleft()
        for event in self._collector.finish():
            yield event
        # A sandbox that was closed meanwhile has no workspace any more.
        artifacts = zygote.workspace.artifacts(before) if zygote.alive else ()
        yield self._result(time.monotonic() - started, artifacts)

    # --- inside ---

    async def _take(self, zygote: Zygote) -> Guest | None:
        """A guest, or none when the time is up or the run cancelled before one could be had."""
        taking = asyncio.ensure_future(zygote.pool.take())
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait([taking, changed], return_when=asyncio.FIRST_COMPLETED)
            if not taking.done():
                return None
            self._guest = taking.result()
            self._guest.on_end = self._changed.set
            return self._guest if self._verdict is None else None
        finally:
            changed.cancel()
            if self._guest is None:
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
        assert self._loop is not None
        ends: list[int] = []
        names: tuple[Stream, Stream] = ("stdout", "stderr")
        try:
            for name in names:
                read, write = os.pipe2(os.O_CLOEXEC)
                ends.append(write)
                if owner is not None:  # so that the program may open /dev/stdout
                    os.fchown(write, owner, owner)
                os.set_blocking(read, False)
                self._pipes[read] = name
                self._loop.add_reader(read, self._readable, read)
            await guest.send_job(*job, ends)
        finally:
            for end in ends:
                os.close(end)

    def _readable(self, pipe: int) -> bool:
        """Take one chunk of output; false if there was none."""
        # One chunk a call: the event loop calls in the order in which pipes became readable,
        # which keeps the two streams interleaved as they were.
        try:
            data = os.read(pipe, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._close_pipe(pipe)
            return False
        event = self._collector.feed(self._pipes[pipe], data)
        if event is not None:
            self._events.append(event)
            self._changed.set()
        return True

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

    def _drain(self) -> None:
        """Read what is left in the pipes and close them.

        Nobody waits for their end: a program may have handed its end on to another guest that
        lives. Nor is more read than a pipe can hold (pipe(7), /proc/sys/fs/pipe-max-size).
        """
        for pipe in list(self._pipes):
            for _ in range(_PIPE // _CHUNK):
                if pipe not in self._pipes or not self._readable(pipe):
                    break
            if pipe in self._pipes:
                self._close_pipe(pipe)

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

    def _close_pipe(self, pipe: int) -> None:
        assert self._loop is not None
        del self._pipes[pipe]
        self._loop.remove_reader(pipe)
        os.close(pipe)

    def _result(self, duration: float, artifacts: tuple[Artifact, ...]) -> CodeResult:
        end = (self._guest.end if self._guest else None) or {"exit_code": EXIT_CANCELLED}
        accounts = self._guest.accounts if self._guest else None
        exit_code = _EXIT_CODES[self._verdict] if self._verdict else int(end["exit_code"])
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
            usage=_usage(end, accounts),
            denials=self._denials(),
            contacts=self._proxy.log.contacted if self._proxy else (),
            isolation=self._isolation,
        )

    def _denials(self) -> tuple[Denial, ...]:
        """What the kernel told of, system calls, and what the proxy refused.

        The kernel does not tell an unprivileged process of denied files (EACCES, EROFS, ENOENT).
        """
        calls = self._guest.denied_calls if self._guest else []
        hosts = self._proxy.log.refused if self._proxy else ()
        return (
            *(
                Denial("system call", call_name(call), "not permitted in a sandbox")
                for call in calls
            ),
            *(Denial("network", _address(host.host, host.port), host.reason) for host in hosts),
        )

    def _limit_hit(self, exit_code: int, accounts: Accounts | None) -> str | None:
        """The limit that ended the run: what the host decided or the kernel counted.

        Without a cgroup the kernel counts nothing, and the words of a program that failed are
        taken for it; they decide nothing but this name.
        """
        if self._verdict == "timeout":
            return "timeout"
        if not exit_code:
            return None
        if self._guest is not None and self._guest.limit:
            return self._guest.limit
        if accounts is not None and accounts.memory_hits:
            return "memory"
        if accounts is not None and accounts.process_hits:
            return "processes"
        last = self._collector.stderr.rstrip().rpartition("\n")[2]
        return next((name for words, name in _LAST_WORDS if words in last), None)


def _give_up(taking: asyncio.Future[Guest]) -> None:
    """Kill a guest that came when nobody waited for it any more."""
    if not taking.cancelled() and taking.exception() is None:
        taking.result().kill()


def _address(host: str, port: int | None) -> str:
    return host if port is None else f"{host}:{port}"


def _usage(end: dict[str, Any], accounts: Accounts | None) -> Usage:
    """What the kernel counted, by cgroup if there was one.

    When a guest is killed the counts of its processes die with it, and only a cgroup knows.
    """
    complete = "processes" in end
    cpu = end.get("cpu_seconds") if complete else None
    peak = end.get("peak_memory") if complete else None
    if accounts is not None:
        cpu = cpu if accounts.cpu_seconds is None else accounts.cpu_seconds
        peak = peak if accounts.peak_memory is None else accounts.peak_memory
    return Usage(cpu, peak, end.get("processes"), end.get("bytes_written"))

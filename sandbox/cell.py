"""One execution in a session, from outside."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import time
from typing import TYPE_CHECKING, Any, Literal, cast

from . import evidence, values
from .errors import BackendCrashed
from .result import EXIT_CANCELLED, EXIT_TIMEOUT, CellResult, OutputEvent, RichOutput, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from .cgroup import Accounts
    from .live import LiveGuest
    from .workspace import Snapshot

    OnInput = Callable[[str], str | Awaitable[str]]
    CellEvent = OutputEvent | RichOutput | CellResult

GRACE = 1.0
"""Seconds a cell has to end after an interrupt; then its interpreter is killed."""
MAX_OUTPUTS = 1000
MAX_OUTPUT_BYTES = 64 << 20
"""Rich outputs that are kept of one cell."""

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
        self._done: dict[str, Any] | None = None
        self._value: Any = None
        self._shown: list[RichOutput] = []
        self._to_tell: list[RichOutput] = []
        self._room = MAX_OUTPUT_BYTES
        self._dropped = False
        self._asking: asyncio.Task[None] | None = None
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
        before = live.workspace.snapshot()
        self._collector = live.collector
        live.listen(self)
        started = time.monotonic()
        if self._timeout is not None:
            self._call_later(self._timeout, self._decide, "timeout")
        try:
            await live.send({"op": "cell", "id": self._number, **header}, body)
            while not self._over():
                for event in self._take_events():
                    yield event
                await self._changed.wait()
                self._changed.clear()
        finally:
            try:
                await self._settle()
            finally:
                self._leave()
        for event in (*self._take_events(), *self._collector.finish()):
            yield event
        yield self._result(time.monotonic() - started, before)

    # --- what the session says: hostile, all of it ---

    def on_frame(self, header: dict[str, Any], body: bytes) -> None:
        self._live.drain()  # what was printed before was printed before
        try:
            self._take(header, body)
        except (KeyError, TypeError, ValueError, RecursionError):
            self._live.guest.kill()  # it is not our code any more that talks there
        self._changed.set()

    def on_change(self) -> None:
        self._changed.set()

    def _take(self, header: dict[str, Any], body: bytes) -> None:
        if header["id"] != self._number or self._done is not None:
            return  # of a cell that has ended
        match header["op"]:
            case "display":
                self._show(header, body)
            case "input":
                self._ask(str(header["prompt"]))
            case "done":
                done = {"exit_code": int(header["exit_code"]) & 0xFF}
                self._value = values.load(header["kind"], body)
                self._done = done
            case _:
                raise ValueError("unknown frame")

    def _show(self, header: dict[str, Any], body: bytes) -> None:
        self._room -= len(body) + 256
        if self._room < 0 or len(self._shown) >= MAX_OUTPUTS:
            self._dropped = True
            return
        output = _rich_output(header["forms"], body, header["metadata"])
        self._shown.append(output)
        self._to_tell.append(output)

    def _ask(self, prompt: str) -> None:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._answer(prompt))

    async def _answer(self, prompt: str) -> None:
        answer = None
        if self._on_input is not None:
            answer = self._on_input(prompt)
            if inspect.isawaitable(answer):
                answer = await answer
        header = {"op": "answer", "id": self._number, "refused": answer is None}
        await self._live.send(header, (cast("str | None", answer) or "").encode())

    # --- its end ---

    def _over(self) -> bool:
        """True when the cell has ended, or its interpreter.

        Raises
        ------
        BackendCrashed
            The sandbox was lost.
        """
        if self._live.guest.lost is not None:
            raise BackendCrashed(self._live.guest.lost)
        if self._asking is not None and self._asking.done() and not self._asking.cancelled():
            self._asking.result()  # what the caller's function raises is the caller's
        return self._done is not None or self._live.ended

    def _decide(self, verdict: Verdict) -> None:
        """Interrupt the cell; if it goes on, kill it with its interpreter."""
        if self._verdict is None and self._done is None and not self._live.ended:
            self._verdict = verdict
            self._live.guest.interrupt()
            self._call_later(GRACE, self._live.guest.kill)

    async def _settle(self) -> None:
        """Make an end of a cell that was left, and wait for it even if cancelled again."""
        if self._done is not None or self._live.ended:
            return
        self._decide("cancelled")
        ending = asyncio.ensure_future(self._end())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await asyncio.wait([ending])
            raise

    async def _end(self) -> None:
        deadline = time.monotonic() + GRACE
        while self._done is None and not self._live.ended:
            left = deadline - time.monotonic()
            if left <= 0:
                if not await self._live.guest.dead():
                    raise BackendCrashed("A killed cell did not end; do not trust this sandbox.")
                return
            try:
                await asyncio.wait_for(self._changed.wait(), left)
                self._changed.clear()
            except TimeoutError:
                continue

    def _leave(self) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._asking is not None:
            self._asking.cancel()
        self._live.drain()
        self._live.listen(None)
        self._live.new_collector()

    def _call_later(self, seconds: float, function: Any, *args: Any) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, function, *args))

    # --- its result ---

    def _take_events(self) -> list[CellEvent]:
        events: list[CellEvent] = [*self._live.events, *self._to_tell]
        self._live.events.clear()
        self._to_tell.clear()
        return events

    def _result(self, duration: float, before: Snapshot) -> CellResult:
        live, collector = self._live, self._collector
        end = self._done or live.guest.end or {"exit_code": EXIT_CANCELLED}
        exit_code = _EXIT_CODES[self._verdict] if self._verdict else int(end["exit_code"])
        now = live.guest.accounts_now()
        since = evidence.since(live.counted, now)
        live.counted = now
        denied = live.guest.denied_calls[live.denials_told :]
        live.denials_told += len(denied)
        return CellResult(
            exit_code=exit_code,
            output=collector.output,
            stdout=collector.stdout,
            stderr=collector.stderr,
            outputs=tuple(self._shown),
            artifacts=live.workspace.artifacts(before) if live.zygote.alive else (),
            timed_out=self._verdict == "timeout",
            cancelled=self._verdict == "cancelled",
            limit_hit=self._limit_hit(exit_code, since),
            truncated=collector.truncated or self._dropped,
            duration=duration,
            usage=evidence.usage(end, since) if since else Usage(),
            denials=evidence.denials(denied, live.proxy),
            contacts=live.proxy.log.contacted if live.proxy else (),
            isolation=live.zygote.isolation,
            value=self._value,
            state_lost=self._done is None,
        )

    def _limit_hit(self, exit_code: int, accounts: Accounts | None) -> str | None:
        if self._verdict == "timeout":
            return "timeout"
        if not exit_code:
            return None
        return evidence.limit_hit(self._live.guest.limit, accounts, self._collector.stderr)


def _rich_output(forms: Any, body: bytes, metadata: Any) -> RichOutput:
    """The forms of one displayed value.

    Raises
    ------
    TypeError, ValueError
        They make no sense.
    """
    data: dict[str, Any] = {}
    start = 0
    for mime, kind, size in forms:
        part = body[start : start + int(size)]
        start += int(size)
        data[str(mime)] = _form(kind, part)
    if not isinstance(metadata, dict) or start != len(body):
        raise ValueError("not the forms of a value")
    return RichOutput(data, cast("dict[str, Any]", metadata))


def _form(kind: Any, part: bytes) -> Any:
    match kind:
        case "binary":
            return base64.b64encode(part).decode()
        case "json":
            return json.loads(part)
        case _:
            return part.decode("utf-8", "replace")

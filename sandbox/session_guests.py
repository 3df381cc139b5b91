"""The host's handles of guests that are sessions, whose first process goes on hearing the host."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

from .errors import BackendError, UsageError
from .guests import Guest
from .intake.frames import FORK, SESSION

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from .cgroup import Cgroup

_ON_ITS_WAY = 1.0
"""Seconds an interrupt may take to be passed on."""
_LATE = 0.1
"""Seconds by which the exit code of a branch may come later than its end."""
_UNKNOWN = 137


class SessionGuest(Guest):
    """The guest of a live interpreter.

    Branches of it live in its pid namespace: so its first process lives on as long as one of them
    does, and hears of all their refused calls.
    """

    table = SESSION

    def __init__(
        self,
        number: int,
        sock: socket.socket,
        cgroup: Cgroup | None,
        order: signal.Signals = signal.SIGKILL,
    ) -> None:
        super().__init__(number, sock, cgroup, order)
        self.branches: dict[int, BranchGuest] = {}
        self.line: dict[int, BranchGuest] = {}
        """All that descend from it, if it is nobody's branch."""
        self._asking = asyncio.Lock()
        self._answers: dict[str, asyncio.Future[list[int]]] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._interrupts = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._over = asyncio.Event()

    @property
    def root(self) -> SessionGuest:
        """The one of its line that is nobody's branch."""
        return self

    async def tell(self, header: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Say something to its first process."""
        with contextlib.suppress(OSError):
            await self._channel.send(header, b"", fds)

    async def ask(self, header: dict[str, Any], answer: str, fds: Sequence[int] = ()) -> list[int]:
        """Say something to its first process and wait for the descriptors it answers with.

        ``fds`` are closed with this, when they have been sent.

        Raises
        ------
        BackendError
            It has ended.
        """
        # Answers come in the order of questions: each is waited for, even if who asked gives up.
        asking = asyncio.ensure_future(self._ask(header, answer, fds))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(_close_answer)
            raise

    async def show(self, names: Sequence[str]) -> list[int]:
        """The descriptors of its folders and namespaces, by name; the caller closes them.

        Raises
        ------
        BackendError
            It has ended.
        """
        shown = await self.ask({"op": "show", "names": names}, "shown")
        if len(shown) != len(names):
            for fd in shown:
                os.close(fd)
            raise BackendError("The guest did not show what it was asked for.")
        return shown

    def hear(self) -> None:
        """Take what has been said by now: calls that were refused, for example."""
        self.root._channel.hear()

    def interrupt(self) -> None:
        self._interrupts += 1
        self._quiet.clear()
        self._say_soon({"op": "interrupt"})

    async def quiet(self) -> None:
        """Wait, for a bounded time, until no interrupt is on its way any more."""
        if not self._quiet.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), _ON_ITS_WAY)

    def kill(self) -> None:
        """Kill everything in the guest but its branches, and its first process after the last."""
        if not self.branches:
            super().kill()
            return
        self._killed = True
        if self._cgroup is not None:
            self._cgroup.end_forks()
        if self.end is None:
            self._say_soon({"op": "retire"})

    def forget(self, branch: BranchGuest) -> None:
        """One of its branches has gone."""
        self.branches.pop(branch.number, None)
        self.root.line.pop(branch.number, None)
        if self._killed or self.end is not None:
            self.kill()  # it lived on for its branches only

    # --- inside ---

    async def _ask(self, header: dict[str, Any], answer: str, fds: Sequence[int]) -> list[int]:
        async with self._asking:
            try:
                if not self.usable:
                    raise BackendError("The guest has ended.")
                future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
                self._answers[answer] = future
                await self.tell(header, fds)
            finally:
                for fd in fds:
                    os.close(fd)
            return await future

    def _on_frame(self, header: dict[str, Any], fds: list[int], body: bytes) -> None:
        match header["op"]:
            case ("shown" | "furnished" | "made" | "admitted") as answer if answer in self._answers:
                self._answers.pop(answer).set_result(fds)
            case "no_branch" if self._answers:
                _, future = self._answers.popitem()
                why = f"This session cannot be branched: {header['error']}."
                future.set_exception(UsageError(why))
            case "interrupted":
                self._interrupts = max(self._interrupts - 1, 0)
                if self._interrupts <= 0:
                    self._quiet.set()
            case "denied" if header.get("branch") in self.line:
                self.line[header["branch"]]._on_denied(header["call"])
            case "buried":
                if header["branch"] in self.branches:  # else it is known to be gone
                    self.branches[header["branch"]].on_buried(header["exit_code"])
            case _:
                super()._on_frame(header, fds, body)

    def _tell_of_the_end(self) -> None:
        self._over.set()
        self._quiet.set()
        why = (self.end or {}).get("error") or self.lost or "it has ended"
        for future in self._answers.values():
            future.set_exception(BackendError(f"The guest does not answer: {why}."))
        self._answers.clear()
        super()._tell_of_the_end()

    def _gone_event(self) -> asyncio.Event:
        return self._over if self.branches else self._gone

    def _say_soon(self, header: dict[str, Any]) -> None:
        task = asyncio.ensure_future(self.tell(header))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


class BranchGuest(SessionGuest):
    """The guest of a fork of a live interpreter.

    Its first process did not fork the program, and cannot tell how that ended; who reaps it is the
    first process of its ``parent``. Nor is it a child of the zygote, who so cannot tell of its end.
    """

    def __init__(
        self,
        number: int,
        sock: socket.socket,
        cgroup: Cgroup | None,
        parent: SessionGuest,
        order: signal.Signals = signal.SIGKILL,
    ) -> None:
        super().__init__(number, sock, cgroup, order)
        self._parent = parent
        self._loop = asyncio.get_running_loop()
        self._exit_code: int | None = None
        self._report: dict[str, Any] | None = None
        parent.branches[number] = parent.root.line[number] = self

    @property
    def root(self) -> SessionGuest:
        return self._parent.root

    def on_started(self, pidfd: int) -> None:
        self._loop.add_reader(pidfd, self._on_first_gone)
        super().on_started(pidfd)

    def on_buried(self, exit_code: int) -> None:
        """Its program has ended so, says who reaped it."""
        self._exit_code = exit_code
        if self._report is not None:
            self._ended({**self._report, "exit_code": exit_code})

    # --- inside ---

    def _on_frame(self, header: dict[str, Any], fds: list[int], body: bytes) -> None:
        if header["op"] != "ended":
            super()._on_frame(header, fds, body)
            return
        self._report = header
        if self._exit_code is not None:
            self._ended({**header, "exit_code": self._exit_code})

    def _on_first_gone(self) -> None:
        """Wait a moment for who can tell how it ended, if it was not killed from here."""
        assert self._pidfd is not None
        self._loop.remove_reader(self._pidfd)
        if self._killed or self._exit_code is not None:
            self._on_late()
        else:
            self._loop.call_later(_LATE, self._on_late)

    def _on_late(self) -> None:
        exit_code = _UNKNOWN if self._exit_code is None else self._exit_code
        self.on_exited({**(self._report or {}), "exit_code": exit_code})

    def _close(self) -> None:
        if self._pidfd is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._pidfd)
        super()._close()
        self._parent.forget(self)


class ForkGuest(BranchGuest):
    """A branch whose first process is a fork of the interpreter as well, and not of the zygote.

    Nobody trusts that one: what the host uses with rights of its own, descriptors of files and of
    processes, comes from the first process of its parent.
    """

    table = FORK
    on_arrival: Callable[[], None] | None = None

    @property
    def has_arrived(self) -> bool:
        """It says that it is confined, and waits to be looked at."""
        return self._confined

    def furnish(self, handles: dict[str, int]) -> None:
        """Have these descriptors by name, and close them in the end."""
        self._handles = handles

    def break_off(self, why: str) -> None:
        super().break_off(why)
        if self._pidfd is None:
            self.kill()

    def kill(self) -> None:
        if self._pidfd is None:  # it is not known, and ends when it finds nobody there
            self.on_exited({"exit_code": _UNKNOWN})
        else:
            super().kill()

    # --- inside ---

    def _on_frame(self, header: dict[str, Any], fds: list[int], body: bytes) -> None:
        match header["op"]:
            case "confined" if not self._confined:
                self._confined = True
                self._let_go()
                if self.on_arrival is not None:
                    self.on_arrival()
            case "refused":
                self._ended({"error": header["error"]})
            case "ended":
                super()._on_frame({**header, "processes": None}, fds, body)
            case "interrupted":
                super()._on_frame(header, fds, body)
            case _:
                self._refuse_frame(header, fds)


def _close_answer(asking: asyncio.Future[list[int]]) -> None:
    if not asking.cancelled() and asking.exception() is None:
        for fd in asking.result():
            os.close(fd)

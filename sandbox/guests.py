"""The host's handle of one guest: forked and confined ahead of its one job."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

from .channel import Channel
from .errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .cgroup import Accounts, Cgroup

_DEATH = 5.0
"""Seconds a killed guest has to be gone; the kernel takes milliseconds."""
_ON_ITS_WAY = 1.0
"""Seconds an interrupt may take to be passed on."""
_LATE = 0.1
"""Seconds by which the exit code of a branch may come later than its end."""
_UNKNOWN = 137


class Guest:
    """One guest, from its fork to its end. Made by a zygote, used for one job.

    ``number`` is its own within the zygote. ``end`` is what is known of its end: the report of its
    first process, or of the zygote if that was killed. It holds ``exit_code``, ``cpu_seconds``,
    ``peak_memory``, or ``error``. ``accounts`` is what its cgroup counted, if it has one. ``order``
    is the signal upon which its first process, or the kernel for it, kills all others.

    One that ``hears`` is a session's, whose first process goes on listening to the host.
    A branch has a ``parent``, in whose pid namespace it lives: so the first process of a parent
    lives on as long as one of its branches does.
    """

    def __init__(
        self,
        number: int,
        sock: socket.socket,
        cgroup: Cgroup | None,
        order: signal.Signals = signal.SIGKILL,
        parent: Guest | None = None,
        *,
        hears: bool = False,
    ) -> None:
        self.number = number
        self._hears = hears
        self.parent = parent
        self._channel = Channel(sock, self._on_frame, self._on_close)
        self._channel.attach()
        self._cgroup = cgroup
        self._order = order
        self._pidfd: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handles: dict[str, int] = {}
        self._asking = asyncio.Lock()
        self._answers: dict[str, asyncio.Future[list[int]]] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._branches: dict[int, Guest] = {}
        self._line: dict[int, Guest] = {}
        self._exit_code: int | None = None
        self._report: dict[str, Any] | None = None
        self._confined = False
        self._killed = False
        self._interrupts = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._ready = asyncio.Event()
        self._over = asyncio.Event()
        self._gone = asyncio.Event()
        self.end: dict[str, Any] | None = None
        self.lost: str | None = None
        self.accounts: Accounts | None = None
        self.denied_calls: list[int] = []
        self.limit: str | None = None
        self.on_end: Callable[[], None] | None = None
        self.on_gone: Callable[[], None] | None = None
        if parent is not None:
            parent._branches[number] = parent.root._line[number] = self

    @property
    def root(self) -> Guest:
        """The one of its line that is nobody's branch, who hears of all their refused calls."""
        return self if self.parent is None else self.parent.root

    @property
    def usable(self) -> bool:
        """False when it has ended."""
        return self.end is None and self.lost is None

    def accounts_now(self) -> Accounts | None:
        """What its cgroup has counted so far, or had when it ended; ``None`` without one."""
        if self.accounts is None and self._cgroup is not None:
            return self._cgroup.accounts()
        return self.accounts

    async def ready(self) -> None:
        """Wait until every layer is on.

        Raises
        ------
        BackendError
            One could not be put on; the guest has ended without running anything.
        """
        await self._ready.wait()
        if self.lost is not None:
            raise BackendError(self.lost)
        if self.end is not None:
            raise BackendError(f"A guest could not be confined: {self.end.get('error')}.")

    def take_door(self) -> socket.socket | None:
        """The listening socket inside, on which the host is to accept; the taker closes it."""
        door = self._handles.pop("door", None)
        return None if door is None else socket.socket(fileno=door)

    def take_handle(self, name: str) -> int:
        """The descriptor of one of its folders or namespaces; the taker closes it.

        Raises
        ------
        BackendError
            It was not given.
        """
        if name not in self._handles:
            raise BackendError(f"A guest did not give its {name!r}.")
        return self._handles.pop(name)

    @property
    def folder(self) -> int:
        """The guest's private ``/tmp`` as an O_PATH descriptor, which lives as long as this.

        What is in it is the guest's: look names up with ``openat2`` and follow no link.
        """
        return self._handles["tmp"]

    def open_doors(self) -> list[int]:
        """The ways into its cgroup, for a process that is to be counted with it.

        Raises
        ------
        OSError
            The kernel refused.
        """
        return [] if self._cgroup is None else self._cgroup.open_doors()

    async def send_job(self, job: dict[str, Any], code: bytes, fds: Sequence[int]) -> None:
        """Give the guest its one job, with ``fds`` as its stdout, its stderr and what it needs."""
        with contextlib.suppress(OSError):  # it was killed meanwhile, and will be reported so
            await self._channel.send({"job": job}, code, fds)

    async def tell(self, header: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Say something to its first process, if it is a session's."""
        with contextlib.suppress(OSError):
            await self._channel.send(header, b"", fds)

    async def ask(self, header: dict[str, Any], answer: str, fds: Sequence[int] = ()) -> list[int]:
        """Say something to its first process and wait for the descriptors it answers with.

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

    async def _ask(self, header: dict[str, Any], answer: str, fds: Sequence[int]) -> list[int]:
        async with self._asking:
            if not self.usable:
                raise BackendError("The guest has ended.")
            future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
            self._answers[answer] = future
            await self.tell(header, fds)
            return await future

    async def show(self, names: Sequence[str]) -> list[int]:
        """The descriptors of its folders and namespaces, by name; the caller closes them.

        Raises
        ------
        BackendError
            It has ended.
        """
        return await self.ask({"op": "show", "names": names}, "shown")

    def hear(self) -> None:
        """Take what its first process has said by now: calls that were refused, for example."""
        self.root._channel.hear()

    def interrupt(self) -> None:
        """Send SIGINT to the program and what it runs in the foreground, as Ctrl-C does.

        Its first process passes it on; what the program makes of it is the program's.
        """
        if self._hears:
            self._interrupts += 1
            self._quiet.clear()
            self._say_soon({"op": "interrupt"})
        elif self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGINT)

    async def quiet(self) -> None:
        """Wait, for a bounded time, until no interrupt is on its way to a session any more."""
        if not self._quiet.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), _ON_ITS_WAY)

    def kill(self) -> None:
        """Kill everything in the guest, by way of its first process.

        While it has branches, that kills all but them, and itself after the last.
        """
        self._killed = True
        if self._pidfd is None:
            return
        if self._branches:
            if self.end is None:
                self._say_soon({"op": "retire"})
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, self._order)

    async def dead(self) -> bool:
        """Kill the guest and wait, for a bounded time, until it is gone; false if it is not.

        What is gone of one that has branches is all but them and its first process.
        """
        self.kill()
        gone = self._over if self._branches else self._gone
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gone.wait(), _DEATH)
        if not gone.is_set() and self._order != signal.SIGKILL:
            self._order = signal.SIGKILL  # then the zygote buries its orphans
            return await self.dead()
        return gone.is_set()

    # --- what the zygote says of it ---

    def on_started(self, pidfd: int) -> None:
        """It lives; this handle owns its pidfd from now on."""
        self._pidfd = pidfd
        if self.parent is not None:  # then the zygote is not the one who will know of its end
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(pidfd, self._on_first_gone)
        if self._killed:
            self.kill()
        self._let_go()

    def on_exited(self, end: dict[str, Any]) -> None:
        """Its first process has ended, and with it all others."""
        self._ended(end)
        self.remove_cgroup()
        self._close()

    def on_lost(self, why: str) -> None:
        """The zygote goes, and the guest with it; then :meth:`remove_cgroup` is to be called."""
        if self.end is None:
            self.lost = why
        self._close()

    def remove_cgroup(self) -> bool:
        """Remove what is left of a guest that has been reaped; false if it is busy for a moment."""
        if self._cgroup is not None and self._cgroup.remove():
            self._cgroup = None
        return self._cgroup is None

    # --- what its first process says ---

    def _on_frame(self, header: dict[str, Any], fds: list[int], _: bytes) -> None:
        match header.get("op"), fds:
            case "confined", [_, *_] if not self._confined:
                self._handles = dict(zip(header["names"], fds, strict=True))
                self._confined = True
                self._let_go()
            case "denied", [] if isinstance(header.get("call"), int):
                self._line.get(header["branch"], self).denied_calls.append(header["call"])
            case "limit", [] if isinstance(header.get("name"), str):
                self.limit = header["name"]
            case "ended", [] if header.get("exit_code") is None:
                self._on_report(header)
            case (("refused" | "ended"), []):
                self._ended(header)
            case _ if self._hears and self._on_answer(header, fds):
                pass
            case _:
                for fd in fds:
                    os.close(fd)
                self.kill()

    def _on_answer(self, header: dict[str, Any], fds: list[int]) -> bool:
        """What only the first process of a session says; false if this is nothing of it."""
        match header.get("op"), fds:
            case ("shown" | "furnished" | "admitted") as answer, _ if answer in self._answers:
                self._answers.pop(answer).set_result(fds)
            case "interrupted", []:
                self._interrupts -= 1
                if self._interrupts <= 0:
                    self._quiet.set()
            case "buried", []:
                if header.get("branch") in self._branches:  # else it is known to be gone
                    self._branches[header["branch"]].on_buried(int(header["exit_code"]))
            case _:
                return False
        return True

    # --- a branch: its first process did not fork the program, and cannot tell how that ended ---

    def on_buried(self, exit_code: int) -> None:
        """Its program has ended so, says who reaped it: the first process of its parent."""
        self._exit_code = exit_code
        if self._report is not None:
            self._ended({**self._report, "exit_code": exit_code})

    def _on_report(self, report: dict[str, Any]) -> None:
        self._report = report
        if self._exit_code is not None:
            self._ended({**report, "exit_code": self._exit_code})

    def _on_first_gone(self) -> None:
        """Wait a moment for who can tell, if it was not killed from here."""
        assert self._loop is not None
        assert self._pidfd is not None
        self._loop.remove_reader(self._pidfd)
        if self._killed or self._exit_code is not None:
            self._on_late()
        else:
            self._loop.call_later(_LATE, self._on_late)

    def _on_late(self) -> None:
        exit_code = _UNKNOWN if self._exit_code is None else self._exit_code
        self.on_exited({**(self._report or {}), "exit_code": exit_code})

    def _let_go(self) -> None:
        """Once it is confined, in its cgroup, and its pid is known, it may go on."""
        if not self._confined or self._pidfd is None or self._ready.is_set():
            return
        self._channel.send_byte()
        self._ready.set()

    def _ended(self, end: dict[str, Any]) -> None:
        if self.end is None:
            self.end = end
            self.accounts = self._cgroup.accounts() if self._cgroup is not None else None
            self._tell_of_the_end()

    def _on_close(self) -> None:
        """Its socket is closed; the zygote will say that it has gone."""

    def _close(self) -> None:
        if self._pidfd is not None:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        for fd in self._handles.values():
            os.close(fd)
        self._handles.clear()
        self._channel.close()
        self._gone.set()
        self._tell_of_the_end()
        if self.parent is not None:
            self.parent._forget(self)
        if self.on_gone is not None:
            self.on_gone()

    def _tell_of_the_end(self) -> None:
        self._ready.set()
        self._over.set()
        self._quiet.set()
        for future in self._answers.values():
            if not future.done():
                why = (self.end or {}).get("error") or self.lost or "it has ended"
                future.set_exception(BackendError(f"The guest does not answer: {why}."))
        self._answers.clear()
        if self.on_end is not None:
            self.on_end()

    def _forget(self, branch: Guest) -> None:
        self._branches.pop(branch.number, None)
        self.root._line.pop(branch.number, None)
        if self._killed or self.end is not None:
            self.kill()  # it lived on for its branches only

    def _say_soon(self, header: dict[str, Any]) -> None:
        task = asyncio.ensure_future(self.tell(header))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


def _close_answer(asking: asyncio.Future[list[int]]) -> None:
    if not asking.cancelled() and asking.exception() is None:
        for fd in asking.result():
            os.close(fd)

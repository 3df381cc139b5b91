"""The host's handle of one guest: forked and confined ahead of its one job."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .channel import Channel
from .errors import BackendError
from .intake.frames import GUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .cgroup import Accounts, Cgroup
    from .intake.frames import Table

_MOST_DENIED = 1000
"""Kinds of system calls that are told of; a program can make up any number of them."""
_DEATH = 5.0
"""Seconds a killed guest has to be gone; the kernel takes milliseconds."""


class Guest:
    """One guest, from its fork to its end. Made by a zygote, used for one job.

    ``number`` is its own within the zygote. ``end`` is what is known of its end: the report of its
    first process, or of the zygote if that was killed. It holds ``exit_code``, ``cpu_seconds``,
    ``peak_memory``, or ``error``. ``accounts`` is what its cgroup counted, if it has one. ``order``
    is the signal upon which its first process, or the kernel for it, kills all others. ``breach``
    is what somebody in it said that nobody says who means well; it was killed for that.
    """

    table: Table = GUEST
    """What its first process may say."""

    def __init__(
        self,
        number: int,
        sock: socket.socket,
        cgroup: Cgroup | None,
        order: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.number = number
        self._channel = Channel(sock, self.table, self._on_frame, self._on_close)
        self._channel.attach()
        self._cgroup = cgroup
        self._order = order
        self._pidfd: int | None = None
        self._handles: dict[str, int] = {}
        self._confined = False
        self._killed = False
        self._ready = asyncio.Event()
        self._gone = asyncio.Event()
        self.end: dict[str, Any] | None = None
        self.lost: str | None = None
        self.breach: str | None = None
        self.accounts: Accounts | None = None
        self.denied_calls: list[int] = []
        self.limit: str | None = None
        self.on_end: Callable[[], None] | None = None
        self.on_gone: Callable[[], None] | None = None

    @property
    def usable(self) -> bool:
        """False when it has ended."""
        return self.end is None and self.lost is None

    @property
    def pid(self) -> int | None:
        """Of its first process, as this one sees it; ``None`` if it does not or that is gone."""
        if self._pidfd is None:
            return None
        told = Path(f"/proc/self/fdinfo/{self._pidfd}").read_text().splitlines()  # pidfd_open(2)
        found = [int(line.split()[1]) for line in told if line.startswith("Pid:")]
        return found[0] if found and found[0] > 0 else None

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

    def interrupt(self) -> None:
        """Send SIGINT to the program and what it runs in the foreground, as Ctrl-C does.

        Its first process passes it on; what the program makes of it is the program's.
        """
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill everything in the guest, by way of its first process."""
        self._killed = True
        self._signal(self._order)

    def break_off(self, why: str) -> None:
        """Kill it with all that is in it, because of what it said."""
        self.breach = self.breach or why
        self._killed = True
        self._signal(self._order)

    async def dead(self) -> bool:
        """Kill the guest and wait, for a bounded time, until it is gone; false if it is not."""
        self.kill()
        gone = self._gone_event()
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

    def _on_frame(self, header: dict[str, Any], fds: list[int], body: bytes) -> None:
        match header["op"]:
            case "confined" if not self._confined and len(header["names"]) == len(fds):
                self._handles = dict(zip(header["names"], fds, strict=True))
                self._confined = True
                self._let_go()
            case "denied":
                self._on_denied(header["call"])
            case "limit":
                self.limit = header["name"]
            case "refused" | "ended":
                self._ended(header)
            case _:
                self._refuse_frame(header, fds)

    def _on_denied(self, call: int) -> None:
        """A system call of this guest was refused."""
        if len(self.denied_calls) < _MOST_DENIED:
            self.denied_calls.append(call)

    def _refuse_frame(self, header: dict[str, Any], fds: list[int]) -> None:
        for fd in fds:
            os.close(fd)
        self.break_off(f"it said {header['op']!r}, for which nobody waits")

    # --- inside ---

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

    def _on_close(self, why: str | None) -> None:
        """Its socket is closed; the zygote will say that it has gone."""
        if why is not None:
            self.break_off(why)

    def _close(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        for fd in self._handles.values():
            os.close(fd)
        self._handles.clear()
        self._channel.close()
        self._gone.set()
        self._tell_of_the_end()
        if self.on_gone is not None:
            self.on_gone()

    def _tell_of_the_end(self) -> None:
        self._ready.set()
        if self.on_end is not None:
            self.on_end()

    def _gone_event(self) -> asyncio.Event:
        return self._gone

    def _signal(self, number: signal.Signals) -> None:
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

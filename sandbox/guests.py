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

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .cgroup import Accounts, Cgroup

_DEATH = 5.0
"""Seconds a killed guest has to be gone; the kernel takes milliseconds."""


class Guest:
    """One guest, from its fork to its end. Made by a zygote, used for one job.

    ``end`` is what is known of its end: the report of its first process, or of the zygote if
    that was killed. It holds ``exit_code``, ``cpu_seconds``, ``peak_memory``, or ``error``.
    ``accounts`` is what its cgroup counted, if it has one. ``order`` is the signal upon which its
    first process, or the kernel for it, kills all others.
    """

    def __init__(
        self,
        sock: socket.socket,
        cgroup: Cgroup | None,
        order: signal.Signals = signal.SIGKILL,
    ) -> None:
        self._channel = Channel(sock, self._on_frame, self._on_close)
        self._channel.attach()
        self._cgroup = cgroup
        self._order = order
        self._pidfd: int | None = None
        self._door: socket.socket | None = None
        self._folder: int | None = None
        self._confined = False
        self._killed = False
        self._ready = asyncio.Event()
        self._gone = asyncio.Event()
        self.end: dict[str, Any] | None = None
        self.lost: str | None = None
        self.accounts: Accounts | None = None
        self.denied_calls: list[int] = []
        self.limit: str | None = None
        self.on_end: Callable[[], None] | None = None

    @property
    def usable(self) -> bool:
        """False when it has ended before it got a job."""
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
        door, self._door = self._door, None
        return door

    @property
    def folder(self) -> int:
        """The guest's private ``/tmp`` as an O_PATH descriptor, which lives as long as this.

        What is in it is the guest's: look names up with ``openat2`` and follow no link.
        """
        assert self._folder is not None
        return self._folder

    async def send_job(self, job: dict[str, Any], code: bytes, fds: Sequence[int]) -> None:
        """Give the guest its one job, with ``fds`` as its stdout, its stderr and what it needs."""
        with contextlib.suppress(OSError):  # it was killed meanwhile, and will be reported so
            await self._channel.send({"job": job}, code, fds)

    def kill(self) -> None:
        """Kill everything in the guest, by way of its first process."""
        self._killed = True
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, self._order)

    def interrupt(self) -> None:
        """Send SIGINT to the program and what it runs in the foreground, as Ctrl-C does.

        Its first process passes it on; what the program makes of it is the program's.
        """
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGINT)

    async def dead(self) -> bool:
        """Kill the guest and wait, for a bounded time, until it is gone; false if it is not."""
        self.kill()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), _DEATH)
        if not self._gone.is_set() and self._order != signal.SIGKILL:
            self._order = signal.SIGKILL  # then the zygote buries its orphans
            return await self.dead()
        return self._gone.is_set()

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
        self._close()
        self.remove_cgroup()

    def on_lost(self, why: str) -> None:
        """The zygote goes, and the guest with it; then :meth:`remove_cgroup` is to be called."""
        if self.end is None:
            self.lost = why
        self._close()

    def remove_cgroup(self) -> None:
        """Remove what is left of a guest that has been reaped."""
        if self._cgroup is not None:
            self._cgroup.remove()
            self._cgroup = None

    # --- inside ---

    def _on_frame(self, header: dict[str, Any], fds: list[int], _: bytes) -> None:
        match header.get("op"), fds:
            case "confined", [folder, *door] if self._folder is None and len(door) <= 1:
                self._folder = folder
                self._door = socket.socket(fileno=door[0]) if door else None
                self._confined = True
                self._let_go()
            case "denied", [] if isinstance(header.get("call"), int):
                self.denied_calls.append(header["call"])
            case "limit", [] if isinstance(header.get("name"), str):
                self.limit = header["name"]
            case (("refused" | "ended"), []):
                self._ended(header)
            case _:
                for fd in fds:
                    os.close(fd)
                self.kill()

    def _let_go(self) -> None:
        """Once it is confined and its pid is known: into its cgroup, and only then go on."""
        if not self._confined or self._pidfd is None or self._ready.is_set():
            return
        try:
            if self._cgroup is not None:
                self._cgroup.add(_pid_of(self._pidfd))
        except OSError as error:  # fail closed
            self._ended({"error": f"its cgroup does not take it ({error})"})
            self.kill()
            return
        self._channel.send_byte()
        self._ready.set()

    def _ended(self, end: dict[str, Any]) -> None:
        if self.end is None:
            self.end = end
            self.accounts = self._cgroup.accounts() if self._cgroup is not None else None
            self._ready.set()
            if self.on_end is not None:
                self.on_end()

    def _on_close(self) -> None:
        """Its socket is closed; the zygote will say that it has gone."""

    def _close(self) -> None:
        self._channel.close()
        if self._door is not None:
            self._door.close()
            self._door = None
        for fd in (self._pidfd, self._folder):
            if fd is not None:
                os.close(fd)
        self._pidfd = self._folder = None
        self._gone.set()
        self._ready.set()
        if self.on_end is not None:
            self.on_end()


def _pid_of(pidfd: int) -> int:
    """The process a pidfd stands for, as numbered here: pidfd_open(2), fdinfo of proc(5)."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == "Pid" and int(value) > 0:
            return int(value)
    raise ProcessLookupError("the guest has ended")

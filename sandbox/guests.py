"""The host's handle of one guest: forked and confined ahead of its one job."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

from .channel import Channel
from .errors import BackendError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

_DEATH = 5.0
"""Seconds a killed guest has to be gone; the kernel takes milliseconds."""


class Guest:
    """One guest, from its fork to its end. Made by a zygote, used for one job.

    ``end`` is what is known of its end: the report of its first process, or of the zygote if
    that was killed. It holds ``exit_code``, ``cpu_seconds``, ``peak_memory``, or ``error``.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._channel = Channel(sock, self._on_frame, self._on_close)
        self._channel.attach()
        self._pidfd: int | None = None
        self._killed = False
        self._ready = asyncio.Event()
        self._gone = asyncio.Event()
        self.end: dict[str, Any] | None = None
        self.lost: str | None = None
        self.on_end: Callable[[], None] | None = None

    @property
    def usable(self) -> bool:
        """False when it has ended before it got a job."""
        return self.end is None and self.lost is None

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

    async def send_job(self, program: dict[str, Any], code: bytes, streams: Sequence[int]) -> None:
        """Let the guest run ``code``, with ``streams`` as its stdout and stderr."""
        with contextlib.suppress(OSError):  # it was killed meanwhile, and will be reported so
            await self._channel.send({"program": program}, code, streams)

    def kill(self) -> None:
        """Kill everything in the guest, by killing the first process of its namespace."""
        self._killed = True
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def dead(self) -> bool:
        """Kill the guest and wait, for a bounded time, until it is gone; false if it is not."""
        self.kill()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), _DEATH)
        return self._gone.is_set()

    # --- what the zygote says of it ---

    def on_started(self, pidfd: int) -> None:
        """It lives; this handle owns its pidfd from now on."""
        self._pidfd = pidfd
        if self._killed:
            self.kill()

    def on_exited(self, end: dict[str, Any]) -> None:
        """Its first process has ended, and with it all others."""
        self._ended(end)
        self._close()

    def on_lost(self, why: str) -> None:
        """The zygote has gone, and the guest with it."""
        if self.end is None:
            self.lost = why
        self._close()

    # --- inside ---

    def _on_frame(self, header: dict[str, Any], fds: list[int]) -> None:
        for fd in fds:
            os.close(fd)
        match header.get("op"):
            case "confined":
                self._channel.send_byte()
                self._ready.set()
            case "refused" | "ended":
                self._ended(header)
            case _:
                self.kill()

    def _ended(self, end: dict[str, Any]) -> None:
        if self.end is None:
            self.end = end
            self._ready.set()
            if self.on_end is not None:
                self.on_end()

    def _on_close(self) -> None:
        """Its socket is closed; the zygote will say that it has gone."""

    def _close(self) -> None:
        self._channel.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        self._gone.set()
        self._ready.set()
        if self.on_end is not None:
            self.on_end()

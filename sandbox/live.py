"""A guest whose interpreter lives from one cell to the next, and the host's way to talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from .channel import Channel
from .output import OutputCollector
from .streams import OutputPipes

if TYPE_CHECKING:
    from .cgroup import Accounts
    from .guests import Guest
    from .network import Proxy
    from .output import Stream
    from .result import OutputEvent
    from .zygote import Zygote


_FAREWELL = 1.0
"""Seconds an interpreter that has closed its socket has to end by itself, and say how."""


class Listener(Protocol):
    """Who wants to know what happens: the cell that runs."""

    def on_frame(self, header: dict[str, Any], body: bytes) -> None:
        """The session said something."""

    def on_change(self) -> None:
        """There is output, or an end."""


class LiveGuest:
    """A guest that waits for cells. ``output`` is how many characters of each are kept.

    What it prints while no cell runs belongs to the next one.
    """

    def __init__(self, guest: Guest, zygote: Zygote, output: int) -> None:
        self.guest = guest
        self.zygote = zygote
        self.events: deque[OutputEvent] = deque()
        self.proxy: Proxy | None = None
        self.denials_told = 0
        self.counted: Accounts | None = None
        self._limit = output
        self._collector = OutputCollector(output)
        self._listener: Listener | None = None
        self._pipes = OutputPipes(self._on_output, zygote.owner)
        ours, self._theirs = socket.socketpair()
        self._channel = Channel(ours, self._on_frame, self._on_close)
        self._channel.attach()
        guest.on_end = self._changed

    @classmethod
    async def start(cls, zygote: Zygote, job: dict[str, Any], output: int) -> LiveGuest:
        """Make a guest of ``zygote`` a session.

        Raises
        ------
        BackendError
            No guest could be confined.
        """
        guest = await zygote.pool.take()
        live = cls(guest, zygote, output)
        try:
            await live._begin(job)
        except BaseException:
            guest.kill()
            await live.close()
            raise
        return live

    @property
    def ended(self) -> bool:
        """True when there is no interpreter any more."""
        return self.guest.end is not None or self.guest.lost is not None

    def listen(self, listener: Listener | None) -> OutputCollector:
        """Tell ``listener`` what happens from now on; what has been printed since the last."""
        self._listener = listener
        collector = self._collector
        if listener is None:
            self._collector = OutputCollector(self._limit)
        return collector

    async def send(self, header: dict[str, Any], body: bytes = b"") -> None:
        with contextlib.suppress(OSError):  # it has ended, which is told otherwise
            await self._channel.send(header, body)

    def drain(self) -> None:
        """Take what has been printed by now."""
        self._pipes.drain()

    async def close(self) -> None:
        """Kill the interpreter, and wait until it is gone."""
        self._channel.close()
        self._theirs.close()
        try:
            if not self.ended:
                await self.guest.dead()
        finally:
            self._pipes.close()
            if self.proxy is not None:
                await self.proxy.close()

    # --- inside ---

    async def _begin(self, job: dict[str, Any]) -> None:
        door = self.guest.take_door()
        if door is not None:
            self.proxy = self.zygote.new_proxy()
            self.proxy.start(door)
        try:
            await self.guest.send_job(job, b"", [*self._pipes.ends, self._theirs.fileno()])
        finally:
            self._pipes.close_ends()
            self._theirs.close()

    def _on_output(self, stream: Stream, data: bytes) -> None:
        event = self._collector.feed(stream, data)
        if event is not None:
            self.events.append(event)
            self._changed()

    def _on_frame(self, header: dict[str, Any], fds: list[int], body: bytes) -> None:
        for fd in fds:  # nobody in there has any to give
            os.close(fd)
        if self._listener is not None:
            self._listener.on_frame(header, body)

    def _on_close(self) -> None:
        """An interpreter that hears no cells is of no use; most often it is just ending."""
        asyncio.get_running_loop().call_later(_FAREWELL, self.guest.kill)

    def _changed(self) -> None:
        if self._listener is not None:
            self._listener.on_change()

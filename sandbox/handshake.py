"""The first words between a launcher and the fork server it has started."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any

from .channel import Channel
from .intake.frames import LAUNCH

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

_STEPS = ("unshared", "zygote", "ready")


class Refused(Exception):
    """The fork server could not confine itself; ``number`` is the kernel's errno."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.message = message


class Gone(Exception):
    """The other side closed the socket before it was ready."""


class Handshake:
    """Asks for one step after the other, until the fork server is ready.

    ``on_fd`` takes over the descriptor that comes with a step. Afterwards the channel is handed
    to whoever goes on with it, or closed.
    """

    def __init__(self, sock: socket.socket, on_fd: Callable[[str, int], None]) -> None:
        self._on_fd = on_fd
        self._said: dict[str, dict[str, Any]] = {}
        self._news = asyncio.Event()
        self._gone = False
        self.channel = Channel(sock, LAUNCH, self._on_frame, self._on_close)
        self.channel.attach()

    async def ask(
        self,
        answer: str,
        header: dict[str, Any] | None = None,
        body: bytes = b"",
        fds: Sequence[int] = (),
    ) -> dict[str, Any]:
        """Send a frame and wait until ``answer`` has been said.

        The zygote and its guard speak at the same time, so answers may come early.

        Raises
        ------
        Refused, Gone
            There will be no answer.
        """
        if header is not None and not self._gone:
            with contextlib.suppress(OSError):  # then the channel closes, which is an answer too
                await self.channel.send(header, body, fds)
        while answer not in self._said:
            if "failed" in self._said:
                failed = self._said["failed"]
                raise Refused(int(failed["errno"]), str(failed["message"]))
            if self._gone:
                raise Gone
            self._news.clear()
            await self._news.wait()
        return self._said[answer]

    def _on_frame(self, header: dict[str, Any], fds: list[int], _: bytes) -> None:
        step = header.get("op")
        if step in (*_STEPS, "failed") and step not in self._said:
            self._said[step] = header
            if len(fds) == 1:
                self._on_fd(step, fds.pop())
            self._news.set()
        for fd in fds:
            os.close(fd)

    def _on_close(self, _: str | None) -> None:
        self._gone = True
        self._news.set()

"""A socket with a buffer, for protocols that read a head and then pass on bulk."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from .refused import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST, _LARGEST = 16 << 10, 256 << 10
"""Bytes of a buffer: it begins small, since most connections carry little, and grows by what
arrives at once."""
_RESET = struct.pack("ii", 1, 0)
"""``struct linger`` that makes close() send a reset."""


class Ended(ConnectionError):
    """The other side has ended the connection where more had to come."""


def _ignore(_count: int) -> None:
    pass


def _nothing() -> None:
    pass


class Stream:
    """One non-blocking TCP connection. One task reads at a time, one task writes at a time.

    A chunk is written before the next is read, so a slow reader slows its writer down, and
    what is held here is one buffer.
    """

    def __init__(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it may have been reset already
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._buffer = memoryview(bytearray(_FIRST))
        self._start = 0
        self._end = 0
        self.written = 0
        """Bytes that were sent, or begun to be."""
        self.before_send: Callable[[int], None] = _ignore
        """Told how many bytes are about to be sent; may raise to prevent it."""
        self.after_receive: Callable[[int], None] = _ignore
        """Told how many bytes came; may raise to withhold them."""
        self.moved: Callable[[], None] = _nothing
        """Called whenever something was sent or came."""

    async def receive(self, limit: int = _LARGEST) -> memoryview:
        """Up to ``limit`` bytes, valid until the next call; none at the end of the stream."""
        if self._start == self._end:
            await self._fill()
        stop = min(self._end, self._start + limit)
        view = self._buffer[self._start : stop]
        self._start = stop
        return view

    async def read_exactly(self, count: int) -> bytes:
        """``count`` bytes; :class:`Ended` if the stream ends first."""
        data = bytearray()
        while len(data) < count:
            part = await self.receive(count - len(data))
            if not part:
                raise Ended(f"it ended after {len(data)} of {count} bytes")
            data += part
        return bytes(data)

    async def read_until(self, mark: bytes, limit: int) -> bytes:
        """Everything before ``mark``, which is taken too.

        Raises
        ------
        Malformed
            ``mark`` is not within ``limit`` bytes.
        Ended
            The stream ends first.
        """
        data = bytearray()
        while True:
            part = bytes(await self.receive(limit + len(mark)))
            if not part:
                raise Ended(f"it ended within a head, after {len(data)} bytes")
            searched = max(0, len(data) - len(mark) + 1)
            data += part
            found = data.find(mark, searched)
            if 0 <= found <= limit:
                self._start -= len(data) - found - len(mark)  # all of it is from the last part
                return bytes(data[:found])
            if len(data) >= limit + len(mark):
                raise Malformed(f"a head is longer than {limit:,} bytes", status=431)

    async def peek(self) -> int | None:
        """The first byte that has not been taken, which it is not now either."""
        if self._start == self._end:
            await self._fill()
        return self._buffer[self._start] if self._end > self._start else None

    async def send(self, data: bytes | memoryview) -> None:
        """Send all of ``data``, then let everybody else have a turn.

        Without that turn, two quick ends would hold the event loop: neither reading nor
        writing suspends a task as long as the kernel can serve it.
        """
        self.before_send(len(data))
        self.written += len(data)
        await asyncio.get_running_loop().sock_sendall(self._sock, data)
        self.moved()
        await asyncio.sleep(0)

    def end(self) -> None:
        """Tell the other side that nothing more comes; reading goes on."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close. Idempotent."""
        self._sock.close()

    def abort(self) -> None:
        """Close with a reset, so that nobody takes what came so far for everything."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._sock.close()

    async def _fill(self) -> None:
        if self._end == len(self._buffer) < _LARGEST:  # the last read was a full one
            self._buffer = memoryview(bytearray(len(self._buffer) * 4))
        self._start = self._end = 0
        loop = asyncio.get_running_loop()
        count = await loop.sock_recv_into(self._sock, self._buffer)
        self.after_receive(count)
        self._end = count
        self.moved()

"""The host's end of the conversation with a guest, on asyncio."""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any

from .guest.protocol import Decoder, ProtocolError, encode
from .intake import LeftOut
from .intake.frames import take_header

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .intake.frames import Table

    OnFrame = Callable[[dict[str, Any], list[int], bytes], None]
    OnClose = Callable[[str | None], None]

_MAX_FDS = 16
_CHUNK = 1 << 16


class Channel:
    """Sends frames in whole, and calls ``on_frame`` for each that arrives and is in ``table``.

    The handler gets the header, the descriptors that came with the frame, which it must close,
    and the body: of the form that the table says, and bounded. After ``on_close`` nothing more
    arrives; it gets the reason if the other side broke the protocol. ``before_read`` is called when
    something has arrived, before any of it is taken.
    """

    def __init__(
        self,
        sock: socket.socket,
        table: Table,
        on_frame: OnFrame,
        on_close: OnClose,
        before_read: Callable[[], None] | None = None,
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._table = table
        self._on_frame = on_frame
        self._on_close = on_close
        self._before_read = before_read
        self._decoder = Decoder(self._take_header)
        self._fds: list[int] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writing = asyncio.Lock()
        self._room = asyncio.Event()
        self._closed = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop this is attached to."""
        return self._loop

    def hear_only(self, table: Table) -> None:
        """Take what is in this table from now on."""
        self._table = table

    def hand_over(self, table: Table, on_frame: OnFrame, on_close: OnClose) -> None:
        """Take what is in this table, and call these from now on."""
        self._table = table
        self._on_frame = on_frame
        self._on_close = on_close

    def attach(self) -> None:
        """Listen on the running event loop from now on, and on no other."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._sock)
        self._loop = asyncio.get_running_loop()
        self._writing = asyncio.Lock()
        self._loop.add_reader(self._sock, self._readable)

    async def send(
        self, header: dict[str, Any], body: bytes = b"", fds: Sequence[int] = ()
    ) -> None:
        """Send one frame; frames of concurrent callers do not mix.

        The descriptors are not needed any more when this returns, or is cancelled.

        Raises
        ------
        OSError
            The other side has gone.
        """
        data = memoryview(encode({**header, "fds": len(fds)}, body))
        async with self._writing:
            while not (sent := self._send_some(data, fds)):
                await self._has_room()
            if sent == len(data):
                return
            # A frame cut short would spoil all later ones, so a cancellation waits for its end:
            # until the other side has read it, or this one is closed.
            rest = asyncio.ensure_future(self._send_rest(data, sent))
            try:
                await asyncio.shield(rest)
            except asyncio.CancelledError:
                await asyncio.wait([rest])
                raise

    def hear(self) -> None:
        """Take what has arrived by now, not only when the event loop comes to it."""
        if self._loop is not None:
            self._readable()

    def send_byte(self) -> None:
        """Send a single byte outside of any frame, which always fits."""
        with contextlib.suppress(OSError):
            self._sock.send(b"\n")

    async def _send_rest(self, data: memoryview, sent: int) -> None:
        while sent < len(data):
            await self._has_room()
            sent += self._send_some(data[sent:], ())

    async def _has_room(self) -> None:
        if self._closed or self._loop is None:
            raise BrokenPipeError
        self._room.clear()
        self._loop.add_writer(self._sock, self._room.set)
        try:
            await self._room.wait()
        finally:
            if not self._closed:
                self._loop.remove_writer(self._sock)
        if self._closed:
            raise BrokenPipeError

    def _send_some(self, data: memoryview, fds: Sequence[int]) -> int:
        """Send what there is room for; descriptors go with the first byte."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            return self._sock.sendmsg([data[:_CHUNK]], rights)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Close the socket; the other side sees the end and goes."""
        self._closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._room.set()
        self._loop = None
        self._sock.close()
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()

    def _readable(self) -> None:
        if self._before_read is not None:
            self._before_read()
        why = None
        try:
            data, ancillary, _, _ = self._sock.recvmsg(
                _CHUNK, socket.CMSG_SPACE(_MAX_FDS * 4), socket.MSG_CMSG_CLOEXEC
            )
            self._keep_fds(ancillary)
            for header, body in self._decoder.feed(data):
                self._on_frame(header, self._take_fds(header), body)
                if self._closed:  # the handler had enough
                    return
        except BlockingIOError:
            return
        except OSError:
            data = b""
        except ProtocolError as error:
            data, why = b"", str(error)
        if not data:
            self.close()
            self._on_close(why)

    def _take_header(self, header: bytes, body: int) -> dict[str, Any]:
        taken = take_header(self._table, header, body)
        if isinstance(taken, LeftOut):
            raise ProtocolError(taken.why)
        return taken

    def _keep_fds(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                with contextlib.suppress(ValueError):
                    fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
                self._fds.extend(fds)
        if len(self._fds) > _MAX_FDS:
            raise ProtocolError("descriptors that belong to no frame")

    def _take_fds(self, header: dict[str, Any]) -> list[int]:
        count: int = header["fds"]
        if count > len(self._fds):
            raise ProtocolError("descriptors are missing")
        taken, self._fds = self._fds[:count], self._fds[count:]
        return taken

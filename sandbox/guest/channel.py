"""The guest's end of the conversation: blocking, single-threaded."""

from __future__ import annotations

import array
import contextlib
from collections import deque
from typing import Any, Sequence

from .bare import socket
from .protocol import Decoder, Frame, encode

MAX_FDS = 16


class Channel:
    """Sends and receives frames, and descriptors with them."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._decoder = Decoder()
        self._frames: deque[Frame] = deque()
        self._fds: deque[int] = deque()

    def send(self, header: dict[str, Any], fds: Sequence[int] = (), body: bytes = b"") -> None:
        data = encode({**header, "fds": len(fds)}, body)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sent = self.sock.sendmsg([data], rights)
        self.sock.sendall(data[sent:])

    def receive(self) -> Frame | None:
        """Wait for the next frame; ``None`` when the host has gone."""
        while not self._frames:
            if not self.fill():
                return None
        return self._frames.popleft()

    def take(self) -> Frame | None:
        """The next frame if it has arrived by now."""
        if not self._frames:
            with contextlib.suppress(BlockingIOError):
                self.fill(socket.MSG_DONTWAIT)
        return self.pending()

    def pending(self) -> Frame | None:
        """The next frame that has already arrived, if any."""
        return self._frames.popleft() if self._frames else None

    def fill(self, flags: int = 0) -> bool:
        """Take what has arrived; false when the host has gone."""
        data, ancillary, _, _ = self.sock.recvmsg(
            1 << 16, socket.CMSG_SPACE(MAX_FDS * 4), flags | socket.MSG_CMSG_CLOEXEC
        )
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
                self._fds.extend(fds)
        self._frames.extend(self._decoder.feed(data))
        return bool(data)

    def take_fds(self, header: dict[str, Any]) -> list[int]:
        """The descriptors that came with a frame, in order; the taker closes them."""
        return [self._fds.popleft() for _ in range(header["fds"])]

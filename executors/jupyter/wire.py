"""The host's ends of a kernel's sockets, on asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import zmq
from jupyter_client.client import KernelClient
from jupyter_client.session import Session

from .messages import MAX_MESSAGE, Malformed, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from .connection import Connection
    from .messages import Message

_AT_ONCE = 64
"""Messages taken in before other tasks have their turn."""
_RECONNECT = 10
"""Milliseconds; a socket file is there a moment before somebody listens on it."""


class Wire:
    """Sends requests to a kernel, and calls ``on_message`` for what it says.

    Parameters
    ----------
    on_message:
        Gets each message; ``None`` stands for one that was malformed or too large.
    """

    def __init__(
        self, connection: Connection, on_message: Callable[[Message | None], None]
    ) -> None:
        self._on_message = on_message
        self._context = zmq.Context()
        # Defaults of its sockets: they are connected as they are made.
        self._context.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        self._context.setsockopt(zmq.RECONNECT_IVL, _RECONNECT)
        self._session: Any = Session(key=connection.key.encode(), username="sandcrew")
        client: Any = KernelClient(context=self._context, session=self._session)
        client.load_connection_info(connection.info())
        identity = self._session.bsession
        self._sockets: dict[str, Any] = {
            "shell": client.connect_shell(identity=identity),
            "iopub": client.connect_iopub(),
            "stdin": client.connect_stdin(identity=identity),
            "control": client.connect_control(identity=identity),
        }
        self._loop = asyncio.get_running_loop()
        for channel, socket in self._sockets.items():
            socket.linger = 0
            socket.sndtimeo = 0
            self._loop.add_reader(socket.fd, self._readable, channel)

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Send a request; its id. Nothing is waited for: a kernel that does not read is dead."""
        socket = self._sockets.get(channel)
        if socket is None:
            return ""
        header = self._session.msg(kind, content)
        with contextlib.suppress(zmq.Again):
            self._session.send(socket, header)
        # Sending may take in what has arrived, and then the descriptor tells nothing: ZMQ_FD in
        # zmq_getsockopt(3).
        self._loop.call_soon(self._readable, channel)
        return str(header["header"]["msg_id"])

    def close(self) -> None:
        """Hang up; idempotent."""
        sockets, self._sockets = self._sockets, {}
        for socket in sockets.values():
            if not self._loop.is_closed():
                self._loop.remove_reader(socket.fd)
            socket.close(linger=0)
        self._context.term()

    def _readable(self, channel: str) -> None:
        for _ in range(_AT_ONCE):
            socket = self._sockets.get(channel)
            if socket is None:
                return
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            except zmq.ZMQError:
                return
            self._take([frame.buffer for frame in frames])
        self._loop.call_soon(self._readable, channel)

    def _take(self, frames: list[Any]) -> None:
        try:
            message = parse(frames)
        except Malformed:
            message = None
        self._on_message(message)

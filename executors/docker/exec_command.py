"""One command in a container, by the engine's ``exec``."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from .container import Container

Stream = Literal["stdout", "stderr"]
_STREAMS: dict[int, Stream] = {1: "stdout", 2: "stderr"}
_HEADER = struct.Struct(">BxxxI")
"""Before each piece of output: the stream and the length (Engine API, "Stream format")."""
_AHEAD = 16
"""Pieces of output that may wait to be taken."""


class Hijacked:
    """A connection over which the engine has stopped to speak HTTP."""

    def __init__(self, stream: Any) -> None:
        # The package gives a wrapper, which has the socket and the response it came with. That has
        # a buffer, in which the first of what the engine says may be, beside the end of the HTTP.
        self._stream = stream
        self.sock: socket.socket = getattr(stream, "_sock", stream)
        self._response: Any = stream._response
        self.read: Callable[[int], bytes] = self._response.raw._fp.fp.read

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        for part in (self._response, self._stream, self.sock):
            with contextlib.suppress(OSError, ValueError):  # each closes some of the others
                part.close()


class ExecCommand:
    """A command that runs in a container: its output, then its exit code."""

    def __init__(self, container: Container, identifier: str, connection: Hijacked) -> None:
        self._container = container
        self._id = identifier
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[tuple[Stream, bytes] | None] = asyncio.Queue(_AHEAD)
        self._reader = threading.Thread(target=self._read, daemon=True)

    @classmethod
    async def start(
        cls,
        container: Container,
        argv: Sequence[str],
        *,
        user: str,
        workdir: str,
        environment: Mapping[str, str],
        stdin: bytes = b"",
    ) -> ExecCommand:
        """Start it; ``stdin`` is handed over, and what it does not read is dropped.

        Raises
        ------
        BackendError
            The engine refused, or the container is not there.
        """
        client, call = container.engine.client, container.engine.call
        made = await call(
            "make a command",
            client.exec_create,
            container.id,
            list(argv),
            stdin=True,
            user=user,
            workdir=workdir,
            environment=dict(environment),
        )
        stream: Any = await call("start a command", client.exec_start, made["Id"], socket=True)
        command = cls(container, made["Id"], Hijacked(stream))
        command._reader.start()
        with contextlib.suppress(OSError):  # it ended without reading
            await asyncio.to_thread(command._connection.sock.sendall, stdin)
        return command

    async def output(self) -> AsyncIterator[tuple[Stream, bytes]]:
        """What it prints, until it has closed its streams."""
        while (piece := await self._pieces.get()) is not None:
            yield piece

    async def exit_code(self) -> int:
        """The code it ended with, once its output has."""
        client = self._container.engine.client
        found = await self._container.engine.call(
            "look at a command", client.exec_inspect, self._id
        )
        return int(found["ExitCode"] or 0)

    def close(self) -> None:
        """Leave it alone; what runs is not ended by that."""
        self._connection.close()
        while not self._pieces.empty():  # so that the thread, which waits for room, ends
            self._pieces.get_nowait()

    # --- in the thread ---

    def _read(self) -> None:
        read = self._connection.read
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # closed, here or there
            while len(header := read(_HEADER.size)) == _HEADER.size:
                number, size = _HEADER.unpack(header)
                self._hand_over((_STREAMS.get(number, "stdout"), read(size)))
        with contextlib.suppress(RuntimeError):
            self._hand_over(None)

    def _hand_over(self, piece: tuple[Stream, bytes] | None) -> None:
        """Wait until there is room, so that a flood is not kept here."""
        asyncio.run_coroutine_threadsafe(self._pieces.put(piece), self._loop).result()

"""A small world on loopback: origins that remember, a name table, and blunt clients."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Self

from sandcrew.sandbox.network import AllowList, Proxy, ProxyLimits

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Origin:
    """A server on 127.0.0.1: remembers each connection's bytes up to the first empty line."""

    def __init__(
        self, answer: bytes | Answer = HELLO, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.heads: list[bytes] = []
        self.port = 0
        self._answer = answer
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self._tls, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                if isinstance(self._answer, bytes):
                    self.heads.append(await read_head(reader))
                    writer.write(self._answer)
                    await writer.drain()
                else:
                    await self._answer(reader, writer)
        finally:
            writer.close()
            self._tasks.discard(task)


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the first empty line, or to the end."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        return error.partial


def names(
    table: Mapping[str, str | Sequence[str]],
) -> Callable[[str], Awaitable[Sequence[IP]]]:
    """A resolver that knows what is in ``table`` and nothing else."""

    async def resolve(name: str) -> Sequence[IP]:
        found = table.get(name)
        if found is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            ipaddress.ip_address(text) for text in ([found] if isinstance(found, str) else found)
        ]

    return resolve


@contextlib.asynccontextmanager
async def proxied(
    *allowed: str,
    table: Mapping[str, str | Sequence[str]] | None = None,
    **limits: Any,
) -> AsyncGenerator[tuple[Proxy, int]]:
    """A proxy that serves a port of loopback as it would serve one of a guest."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    resolve = names(table or {})
    async with Proxy(
        AllowList.parse(allowed), limits=ProxyLimits(**limits), resolve=resolve
    ) as proxy:
        proxy.start(listener)
        yield proxy, listener.getsockname()[1]


@contextlib.asynccontextmanager
async def connected(
    port: int,
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def talk(port: int, data: bytes, *, end: bool = False) -> bytes:
    """Send ``data`` and read all that comes back; a reset counts as an end."""
    async with connected(port) as (reader, writer):
        writer.write(data)
        if end:
            writer.write_eof()
        return await read_all(reader)


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """All that comes until an end or a reset."""
    data = bytearray()
    with contextlib.suppress(OSError):
        while part := await reader.read(1 << 16):
            data += part
    return bytes(data)


async def get(port: int, url: str) -> bytes:
    """The answer of the proxy at ``port`` to a GET of ``url``."""
    authority = url.split("/")[2]
    return await talk(port, f"GET {url} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())


def status(answer: bytes) -> int:
    """Of an HTTP response; 0 if there is none."""
    parts = answer.split(b" ", 2)
    return int(parts[1]) if parts[0] == b"HTTP/1.1" else 0


def socks(host: bytes, port: int) -> bytes:
    """A SOCKS 5 greeting and CONNECT to a name."""
    return b"\5\1\0\5\1\0\3" + bytes([len(host)]) + host + port.to_bytes(2)


async def socks_code(port: int, data: bytes) -> int:
    """The reply code to a greeting and request."""
    answer = await talk(port, data, end=True)
    assert answer[:2] == b"\5\0", answer
    return answer[3]


def client_hello(name: str | None) -> bytes:
    """The first bytes of a real TLS client that wants ``name``."""
    context = ssl.create_default_context()
    context.check_hostname = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()

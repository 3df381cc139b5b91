"""One connection of the guest, from its first byte to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from . import http, socks, tls
from .exchange import exchange
from .refused import Malformed, Refused
from .relay import relay

if TYPE_CHECKING:
    from .dial import Route
    from .gate import Gate
    from .hosts import Endpoint
    from .stream import Stream

_log = logging.getLogger(__name__)

_LINGER = 2.0
"""Seconds for the guest to take the last bytes and close."""
_LINGER_READS = 256

Deny = Callable[[Refused], bytes]
"""How the protocol spoken at this moment says no."""


class Conversation:
    """Serves one connection. Whatever the guest does, :meth:`run` ends and leaves nothing."""

    def __init__(self, client: Stream, gate: Gate) -> None:
        self._client = client
        self._gate = gate
        self._wanted: Endpoint | None = None
        self._route: Route | None = None
        self._deny: Deny | None = None
        self._deny_at = 0
        self._task: asyncio.Task[None] | None = None
        self._revoked: Refused | None = None

    async def run(self) -> None:
        """Serve until either side has had enough."""
        self._task = asyncio.current_task()
        complete = False
        try:
            await self._converse()
            complete = True
        except Refused as refusal:
            complete = await self._refuse(refusal)
        except OSError as error:
            _log.debug("a connection broke off: %r", error)
        except asyncio.CancelledError:
            if self._revoked is None:
                raise
            self._record(self._revoked)
        except Exception:
            _log.exception("a connection of the network proxy failed")
        finally:
            streams = [self._client, self._route.stream] if self._route else [self._client]
            for stream in streams:
                stream.close() if complete else stream.abort()

    def recheck(self) -> None:
        """End the conversation if its host is no longer allowed."""
        if self._route is None or self._task is None or self._revoked is not None:
            return
        try:
            self._gate.check(self._route)
        except Refused as refusal:
            self._revoked = refusal
            self._task.cancel()

    # --- protocols ---

    async def _converse(self) -> None:
        first = await self._first_byte()
        if first is None:
            return
        if first == socks.VERSION:
            await self._serve_socks()
        elif 0x41 <= first <= 0x5A:  # the methods of HTTP are in capitals
            await self._serve_http()
        else:
            raise Malformed("a connection begins with neither HTTP nor SOCKS 5")

    async def _first_byte(self) -> int | None:
        try:
            async with asyncio.timeout(self._gate.limits.head_timeout):
                return await self._client.peek()
        except TimeoutError:
            return None  # clients connect ahead of need; nothing was asked, nothing is refused

    async def _serve_http(self) -> None:
        self._say_no_by(http.denial)
        async with self._in_time():
            request = await self._read_request()
        endpoint = request.destination()
        route = await self._open(endpoint)
        if request.method != "CONNECT":
            await self._exchange(request, route)
            return
        await self._client.send(http.ESTABLISHED)
        await self._tunnel(route)

    async def _serve_socks(self) -> None:
        async with self._in_time():
            await socks.greet(self._client)
            self._say_no_by(socks.denial)
            endpoint = await socks.read_request(self._client)
        route = await self._open(endpoint)
        await self._client.send(socks.reply(socks.SUCCEEDED))
        await self._tunnel(route)

    async def _tunnel(self, route: Route) -> None:
        limits, port = self._gate.limits, route.endpoint.port
        self._say_no_by(None)
        if limits.inspect and port in limits.http_ports:
            self._say_no_by(http.denial)
            async with self._in_time():
                request = await self._read_request()
            request.check_tunnelled(route.endpoint)
            await self._exchange(request, route)
            return
        if limits.inspect and port in limits.tls_ports:
            async with self._in_time():
                raw, hello = await tls.read_client_hello(self._client, limits.head)
            self._say_no_by(lambda _: tls.ACCESS_DENIED)
            tls.check_client_hello(hello, route.endpoint.host)
            self._say_no_by(None)
            await route.stream.send(raw)
        async with self._gate.watch(route):
            await relay(self._client, route.stream)

    async def _exchange(self, request: http.Request, route: Route) -> None:
        async with self._gate.watch(route):
            await exchange(self._client, route, request, self._gate.limits)
        await self._linger()

    # --- steps ---

    async def _read_request(self) -> http.Request:
        limits = self._gate.limits
        head = await self._client.read_until(http.HEAD_END, limits.head)
        return http.parse_request(head, limits.fields)

    async def _open(self, endpoint: Endpoint) -> Route:
        self._wanted = endpoint
        self._route = await self._gate.open(endpoint)
        return self._route

    @contextlib.asynccontextmanager
    async def _in_time(self) -> AsyncGenerator[None]:
        limit = self._gate.limits.head_timeout
        try:
            async with asyncio.timeout(limit):
                yield
        except TimeoutError:
            raise Malformed(f"no complete request came in {limit:g} s", status=408) from None

    # --- endings ---

    def _say_no_by(self, deny: Deny | None) -> None:
        self._deny = deny
        self._deny_at = self._client.written

    async def _refuse(self, refusal: Refused) -> bool:
        """Say no, and tell whether it could be said in words."""
        self._record(refusal)
        if self._deny is None or self._client.written != self._deny_at:
            return False  # the guest is in the midst of something else
        try:
            await self._client.send(self._deny(refusal))
        except OSError:
            return False
        await self._linger()
        return True

    def _record(self, refusal: Refused) -> None:
        if self._wanted is not None and not refusal.host:
            refusal.host, refusal.port = str(self._wanted.host), self._wanted.port
        self._gate.ledger.refuse(refusal)

    async def _linger(self) -> None:
        """Wait for the guest to close.

        Closing while bytes of its arrive would send a reset, which takes back what it has not
        read yet, and that may be the answer.
        """
        self._client.end()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_LINGER):
                for _ in range(_LINGER_READS):
                    if not await self._client.receive():
                        return

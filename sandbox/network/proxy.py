"""The proxy: the only way from a guest without a network to the hosts it may reach."""

from __future__ import annotations

import asyncio
import errno
import logging
from typing import TYPE_CHECKING, Any, Self

from ..errors import UsageError
from .conversation import Conversation
from .gate import Gate
from .limits import ProxyLimits
from .resolver import Resolve, SystemResolver
from .stream import Stream

if TYPE_CHECKING:
    import socket
    from collections.abc import Coroutine

    from .allowlist import AllowList
    from .log import NetworkLog

_log = logging.getLogger(__name__)

_CLOSE = 5.0
"""Seconds that closing takes at most; cancelled connections need none."""
_BACK_OFF = 0.05
"""Seconds until the next try when the host has no descriptor left."""
_GONE = frozenset({errno.EBADF, errno.EINVAL, errno.ENOTSOCK})


class Proxy:
    """Serves HTTP, CONNECT and SOCKS 5 on sockets of a guest, to what ``allow`` names.

    Use it from one event loop::

        async with Proxy(AllowList.parse(["files.example.org:443"])) as proxy:
            proxy.start(listening_socket)
            ...
            print(proxy.log)

    Parameters
    ----------
    allow:
        May be replaced later, see :attr:`allow`.
    resolve:
        Gives the addresses of a name; the host's own resolver by default.
    """

    def __init__(
        self,
        allow: AllowList,
        *,
        limits: ProxyLimits | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._limits = limits or ProxyLimits()
        self._resolver = SystemResolver()
        self._gate = Gate(allow, self._limits, resolve or self._resolver)
        self._slots = asyncio.Semaphore(self._limits.connections)
        self._conversations: set[Conversation] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def allow(self) -> AllowList:
        """The list in force. Once replaced, connections it does not allow are closed."""
        return self._gate.allow

    @allow.setter
    def allow(self, allow: AllowList) -> None:
        self._gate.allow = allow
        for conversation in self._conversations:
            conversation.recheck()

    @property
    def log(self) -> NetworkLog:
        """What was reached and refused until now; also after :meth:`close`."""
        return self._gate.ledger.snapshot()

    def start(self, sock: socket.socket) -> None:
        """Serve a listening TCP socket, which belongs to the proxy from now on.

        More than one may be served; they share limits, budgets and log.

        The guest must have closed its own descriptor of the socket before it runs code nobody
        trusts: whoever shares it can make ``accept`` block, and with it the event loop.

        Raises
        ------
        UsageError
            The proxy is closed.
        """
        if self._closed:
            raise UsageError("This proxy is closed; make a new one.")
        sock.setblocking(False)
        self._spawn(self._accept(sock))

    async def close(self) -> None:
        """Cut every connection and close every socket. Idempotent; takes 5 s at most."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE)
        self._resolver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                await self._slots.acquire()
                try:
                    sock = await self._next(listener)
                except BaseException:
                    self._slots.release()
                    raise
                if sock is None:
                    self._slots.release()
                    return
                self._spawn(self._serve(sock))

    async def _next(self, listener: socket.socket) -> socket.socket | None:
        """The next connection; None when there will be none."""
        while True:
            try:
                return (await asyncio.get_running_loop().sock_accept(listener))[0]
            except OSError as error:
                if error.errno in _GONE:
                    _log.warning("the network proxy lost its socket: %s", error)
                    return None
                # Otherwise the one connection failed, or the host is out of descriptors.
                await asyncio.sleep(_BACK_OFF)

    async def _serve(self, sock: socket.socket) -> None:
        conversation = Conversation(Stream(sock), self._gate)
        self._conversations.add(conversation)
        try:
            await conversation.run()
        finally:
            self._conversations.discard(conversation)
            self._slots.release()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

"""Names to addresses, by the host's own resolver."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from .hosts import IP

Resolve = Callable[[str], Awaitable[Sequence[IP]]]
"""Gives the addresses of a name, the best first; raises :class:`OSError` if there are none."""

_THREADS = 4


class SystemResolver:
    """``getaddrinfo`` in a few threads of its own.

    A lookup cannot be interrupted, so a slow name server holds its thread. With the event
    loop's default executor a guest could thereby stop everything else that uses it.
    """

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    async def __call__(self, name: str) -> Sequence[IP]:
        """The addresses of ``name``; raises :class:`OSError` if there are none."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sandcrew-resolver")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _lookup, name)

    def close(self) -> None:
        """Forget waiting lookups; one that runs ends by itself, unheard."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None


def _lookup(name: str) -> list[IP]:
    # Bytes, since text would go through another parser on its way: the IDNA codec.
    found = socket.getaddrinfo(name.encode("ascii"), None, type=socket.SOCK_STREAM)
    texts = dict.fromkeys(str(entry[4][0]) for entry in found)
    return [ipaddress.ip_address(text) for text in texts]

"""``python -m sandcrew.benchmarks.proxy``: downloads through the network proxy, beside direct ones.

Server, proxy and client are three processes on loopback, as they are with a guest.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import urllib.request
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from ..sandbox.network import AllowList, Proxy
from .pairing import table, time_interleaved

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SIZE = 100_000_000
"""Bytes of one download."""
_PIECE = 1 << 16
_SMALL = 200
"""Requests in the measurement of many small ones."""


def serve(listener: socket.socket) -> None:
    """Answer requests for ``/COUNT`` with that many bytes, forever."""
    piece = bytes(_PIECE)
    while True:
        sock, _ = listener.accept()
        with sock:
            count = int(sock.recv(_PIECE).split(b" ", 2)[1][1:])
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % count)
            while count:
                sock.sendall(piece[:count])
                count -= min(count, _PIECE)


def download(origin: str, proxy: str | None, size: int, times: int) -> None:
    """Get ``size`` bytes, ``times`` times, as programs do."""
    handler = urllib.request.ProxyHandler({"http": proxy} if proxy else {})
    opener = urllib.request.build_opener(handler)
    for _ in range(times):
        with opener.open(f"http://{origin}/{size}") as answer:
            left = size
            while data := answer.read(_PIECE):
                left -= len(data)
        assert not left


async def main(rounds: int = 11) -> None:
    """Print times, and their ratio to direct ones."""
    spawn = multiprocessing.get_context("spawn")
    listener = socket.create_server(("127.0.0.1", 0))
    origin = f"127.0.0.1:{listener.getsockname()[1]}"
    server = spawn.Process(target=serve, args=(listener,), daemon=True)
    server.start()
    entrance = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{entrance.getsockname()[1]}"
    with ProcessPoolExecutor(1, mp_context=spawn) as clients:
        async with Proxy(AllowList.parse([origin])) as proxy:
            proxy.start(entrance)

            def client(via: str | None, size: int, times: int) -> Callable[[], Awaitable[None]]:
                async def run() -> None:
                    loop = asyncio.get_running_loop()
                    await loop.run_in_executor(clients, download, origin, via, size, times)

                return run

            for title, size, times in (
                (f"{SIZE // 1_000_000} MB", SIZE, 1),
                (f"{_SMALL} requests", 1000, _SMALL),
            ):
                direct, proxied = f"{title}, direct", f"{title}, through the proxy"
                subjects = {
                    direct: client(None, size, times),
                    proxied: client(address, size, times),
                }
                print(table(await time_interleaved(subjects, floor=direct, rounds=rounds)))
    server.terminate()
    server.join()


if __name__ == "__main__":
    asyncio.run(main())

"""What the proxy bears, what it counts, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import socket
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from sandcrew.sandbox import UsageError
from sandcrew.sandbox.network import AllowList, Proxy, ProxyLimits

from .world import (
    HELLO,
    IP,
    Origin,
    client_hello,
    connected,
    get,
    proxied,
    read_all,
    read_head,
    socks,
    status,
    talk,
)

Tunnel = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never stops answering."""
    await read_head(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(1 << 16))
        await writer.drain()


@contextlib.asynccontextmanager
async def tunnel(port: int, host: str, to: int) -> AsyncGenerator[Tunnel]:
    """An open tunnel to ``to``, which has carried a byte."""
    async with connected(port) as (reader, writer):
        writer.write(f"CONNECT {host}:{to} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"!")
        assert await reader.readexactly(1) == b"!"
        yield reader, writer


async def never_resolved(_: str) -> Sequence[IP]:
    """A name server that does not answer."""
    future: asyncio.Future[Sequence[IP]] = asyncio.get_running_loop().create_future()
    return await future


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_closing_while_everything_is_busy_leaves_no_task_and_no_descriptor() -> None:
    asked = asyncio.Event()

    async def never(name: str) -> Sequence[IP]:
        asked.set()
        return await never_resolved(name)

    async with Origin(flood) as origin, Origin(echo) as other, contextlib.AsyncExitStack() as open_:
        before = (descriptors(), asyncio.all_tasks())
        allow = AllowList.parse(["slow.org", f"127.0.0.1:{origin.port}", f"127.0.0.1:{other.port}"])
        proxy = Proxy(allow, resolve=never)
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        proxy.start(listener)
        for first in (
            b"", b"GET http", b"\5", b"\5\1\0\5\1",
            b"GET http://slow.org/ HTTP/1.1\r\nHost: slow.org\r\n\r\n",
            b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\n\r\n" % origin.port,
            b"POST http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
            % other.port,
        ) * 3:  # fmt: skip
            _, writer = await open_.enter_async_context(connected(port))
            writer.write(first)
        reader, _ = await open_.enter_async_context(tunnel(port, "127.0.0.1", other.port))
        await asyncio.wait_for(asked.wait(), 20)
        await proxy.close()
        await proxy.close()
        assert await read_all(reader) == b""
        await open_.aclose()
        # What is left belongs to the origins, whose connections end now that they are reset.
        async with asyncio.timeout(20):
            while (descriptors(), asyncio.all_tasks()) != before:
                await asyncio.sleep(0)
        with pytest.raises(UsageError):
            proxy.start(listener)


async def test_a_host_that_is_struck_off_the_list_loses_its_connections_and_no_other_does() -> None:
    async with Origin(echo) as one, Origin(echo) as two:
        both = [f"127.0.0.1:{one.port}", f"127.0.0.1:{two.port}"]
        async with (
            proxied(*both) as (proxy, port),
            tunnel(port, "127.0.0.1", one.port) as (reader, writer),
            tunnel(port, "127.0.0.1", two.port) as (other_reader, other_writer),
        ):
            proxy.allow = AllowList.parse(both[1:])
            assert await read_all(reader) == b""
            writer.close()
            other_writer.write(b"still here")
            assert await other_reader.readexactly(10) == b"still here"
            assert status(await get(port, f"http://{both[0]}/")) == 403
            assert proxy.log.refused[0].port == one.port
            proxy.allow = AllowList()
            assert await read_all(other_reader) == b""


async def test_an_address_that_is_struck_off_the_list_closes_what_a_name_led_to() -> None:
    async with Origin(echo) as origin:
        name, address = f"a.org:{origin.port}", f"127.0.0.1:{origin.port}"
        async with (
            proxied(name, address, table={"a.org": "127.0.0.1"}) as (proxy, port),
            tunnel(port, "a.org", origin.port) as (reader, _),
        ):
            proxy.allow = AllowList.parse([name])
            assert await read_all(reader) == b""
            assert "leads to 127.0.0.1" in proxy.log.refused[0].reason


async def test_what_is_added_to_the_list_can_be_reached_at_once() -> None:
    async with Origin() as origin, proxied() as (proxy, port):
        url = f"http://127.0.0.1:{origin.port}/"
        assert status(await get(port, url)) == 403
        proxy.allow = AllowList.parse([f"127.0.0.1:{origin.port}"])
        assert status(await get(port, url)) == 200


async def test_no_more_is_received_than_the_budget() -> None:
    async with (
        Origin(flood) as origin,
        proxied(f"127.0.0.1:{origin.port}", received=1_000_000) as (proxy, port),
    ):
        url = f"http://127.0.0.1:{origin.port}/"
        assert len(await get(port, url)) < 1_001_000
        again = await get(port, url)
        assert status(again) == 403
        assert b"budget of 1,000,000 bytes for receiving is used up" in again
        assert {entry.reason for entry in proxy.log.refused} == {
            "the budget of 1,000,000 bytes for receiving is used up"
        }


async def test_no_more_is_sent_than_the_budget() -> None:
    came = 0

    async def count(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal came
        came += len(await read_all(reader))

    async with (
        Origin(count) as origin,
        proxied(f"127.0.0.1:{origin.port}", sent=100_000) as (proxy, port),
    ):
        for _ in range(3):
            ask = socks(b"127.0.0.1", origin.port)
            await talk(port, ask + b"x" * 70_000, end=True)
        assert proxy.log.contacted[0].sent <= 100_000
        assert proxy.log.refused[0].reason.endswith("for sending is used up")
    assert 0 < came <= 100_000


async def test_a_request_that_trickles_in_is_cut_off() -> None:
    async def trickle(writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(b"GET http://a.org/ HTTP/1.1\r\n")
            while True:
                writer.write(b"X: y\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)

    async with proxied("a.org", head_timeout=0.2) as (proxy, port):
        async with connected(port) as (reader, writer):
            loris = asyncio.create_task(trickle(writer))
            assert status(await read_all(reader)) == 408
            loris.cancel()
            await asyncio.wait([loris])
        assert "no complete request" in proxy.log.refused[0].reason


async def test_a_silent_connection_is_closed_without_a_refusal() -> None:
    async with proxied("a.org", head_timeout=0.05) as (proxy, port):
        assert await talk(port, b"") == b""
        assert proxy.log.refused == ()


async def test_a_tunnel_in_which_nothing_moves_is_closed() -> None:
    async with Origin(echo) as origin:
        allowed = f"127.0.0.1:{origin.port}"
        async with proxied(allowed, idle_timeout=0.1) as (proxy, port):
            answer = await talk(port, f"CONNECT {allowed} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert answer.endswith(b"\r\n\r\n")
            assert "nothing came from" in proxy.log.failed[0].reason


async def test_an_origin_that_does_not_answer_is_a_504() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_all(reader)

    async with (
        Origin(silent) as origin,
        proxied(f"127.0.0.1:{origin.port}", idle_timeout=0.1) as (_, port),
    ):
        assert status(await get(port, f"http://127.0.0.1:{origin.port}/")) == 504


async def test_a_lookup_that_takes_too_long_is_a_504() -> None:
    limits = ProxyLimits(connect_timeout=0.05)
    async with Proxy(AllowList.parse(["a.org"]), limits=limits, resolve=never_resolved) as proxy:
        listener = socket.create_server(("127.0.0.1", 0))
        proxy.start(listener)
        answer = await get(listener.getsockname()[1], "http://a.org/")
    assert status(answer) == 504
    assert b"was not resolved" in answer


async def test_a_guest_that_does_not_read_stops_the_origin_and_nobody_else() -> None:
    finished = asyncio.Event()

    async def big(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"GET /big" not in await read_head(reader):
            writer.write(HELLO)
            return
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(2000):
            writer.write(bytes(1 << 16))
            await writer.drain()
        finished.set()

    async with (
        Origin(big) as origin,
        proxied(f"127.0.0.1:{origin.port}") as (_, port),
        connected(port) as (reader, writer),
    ):
        url = f"http://127.0.0.1:{origin.port}"
        writer.write(f"GET {url}/big HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        for _ in range(50):
            assert status(await get(port, url + "/")) == 200
        assert not finished.is_set()
        await read_all(reader)
        assert finished.is_set()


async def test_more_connections_than_the_limit_wait_for_their_turn() -> None:
    async with (
        Origin() as origin,
        proxied(f"127.0.0.1:{origin.port}", connections=3) as (_, port),
    ):
        url = f"http://127.0.0.1:{origin.port}/"
        answers = await asyncio.gather(*(get(port, url) for _ in range(60)))
    assert [status(answer) for answer in answers] == [200] * 60


async def test_five_hundred_connections_at_once_all_work() -> None:
    number = 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * number + 200  # both ends of both halves are in this process
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this process may have only {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        async with (
            Origin(echo) as origin,
            proxied(f"127.0.0.1:{origin.port}", connections=number) as (proxy, port),
            contextlib.AsyncExitStack() as stack,
        ):
            tunnels = [
                await stack.enter_async_context(tunnel(port, "127.0.0.1", origin.port))
                for _ in range(number)
            ]
            for index, (_, writer) in enumerate(tunnels):
                writer.write(b"%06d" % index)
            answers = [await reader.readexactly(6) for reader, _ in tunnels]
            assert answers == [b"%06d" % index for index in range(number)]
            assert proxy.log.contacted[0].connections == number
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_the_log_is_bounded_and_counts_what_it_dropped() -> None:
    async with proxied(log_entries=5) as (proxy, port):
        for index in [*range(20), 0]:
            await get(port, f"http://host{index}.org/")
        assert len(proxy.log.refused) == 5
        assert proxy.log.refused[0].count == 2
        assert proxy.log.dropped == 15


async def test_one_proxy_serves_several_sockets_with_one_log() -> None:
    async with Origin() as origin, proxied(f"127.0.0.1:{origin.port}") as (proxy, port):
        second = socket.create_server(("127.0.0.1", 0))
        proxy.start(second)
        for each in (port, second.getsockname()[1]):
            assert status(await get(each, f"http://127.0.0.1:{origin.port}/")) == 200
        assert proxy.log.contacted[0].connections == 2


async def test_random_hostile_bytes_neither_reach_anything_else_nor_stop_the_proxy(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = random.Random(11)
    async with Origin() as origin, Origin() as secret:
        allowed = f"127.0.0.1:{origin.port}"
        seeds = [
            f"GET http://{allowed}/ HTTP/1.1\r\nHost: {allowed}\r\n\r\n".encode(),
            f"CONNECT {allowed} HTTP/1.1\r\nHost: {allowed}\r\n\r\n".encode() + client_hello("a.b"),
            f"POST http://{allowed}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            "5\r\nhello\r\n0\r\n\r\n".encode(),
            socks(b"127.0.0.1", origin.port) + b"x\r\n\r\n",
            f"GET http://127.0.0.1:{secret.port}/ HTTP/1.1\r\nHost: {allowed}\r\n\r\n".encode(),
        ]

        def mutant() -> bytes:
            data = bytearray(source.choice(seeds))
            for _ in range(source.randrange(1, 5)):
                at = source.randrange(len(data))
                what = source.choice([b"\0", b"\r", b"\n", b"\r\n", b"\xff", b" ", b":", b"@", b""])
                data[at : at + source.randrange(3)] = what
            return bytes(data)

        async with proxied(allowed, head_timeout=5, idle_timeout=5, log_entries=10) as (_, port):
            for _ in range(40):
                await asyncio.gather(*(talk(port, mutant(), end=True) for _ in range(10)))
            assert status(await get(port, f"http://{allowed}/")) == 200
        assert secret.heads == []
    assert [record for record in caplog.records if record.name.startswith("sandcrew")] == []

"""Plain HTTP through the proxy: real clients, real servers, and requests nobody sane sends."""

from __future__ import annotations

import asyncio
import http.server
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from .world import Origin, connected, get, proxied, read_all, read_head, status, talk

BIG = bytes(range(256)) * 4096


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[::-1])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of an ordinary web server with one file."""
    (tmp_path / "big.bin").write_bytes(BIG)
    handler = partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def fetch(proxy: int, url: str, data: bytes | None = None) -> bytes:
    handler = urllib.request.ProxyHandler({"http": f"http://127.0.0.1:{proxy}"})
    opener = urllib.request.build_opener(handler)
    with opener.open(urllib.request.Request(url, data), timeout=20) as answer:
        body: bytes = answer.read()
        return body


async def test_urllib_downloads_and_uploads_through_it(web: str) -> None:
    async with proxied(web) as (proxy, port):
        assert await asyncio.to_thread(fetch, port, f"http://{web}/big.bin") == BIG
        assert await asyncio.to_thread(fetch, port, f"http://{web}/", BIG) == BIG[::-1]
        [contact] = proxy.log.contacted
    assert (contact.host, contact.address, contact.connections) == ("127.0.0.1", "127.0.0.1", 2)
    assert contact.sent > len(BIG)
    assert contact.received > 2 * len(BIG)


async def test_a_refusal_is_a_403_whose_body_says_what_would_have_to_be_allowed() -> None:
    async with proxied("a.org") as (proxy, port):
        with pytest.raises(urllib.error.HTTPError) as caught:
            await asyncio.to_thread(fetch, port, "http://evil.com/x")
        with caught.value:
            text = caught.value.read().decode()
        [refused] = proxy.log.refused
    assert caught.value.code == 403
    assert "not in the network allow list" in caught.value.reason
    assert "'evil.com:80'" in text
    assert "a.org" in text
    assert (refused.host, refused.port, refused.count) == ("evil.com", 80, 1)


async def test_with_an_empty_list_nothing_is_reached() -> None:
    async with Origin() as origin, proxied() as (_, port):
        for host in ("127.0.0.1", "localhost", "example.org", "[::1]"):
            assert status(await get(port, f"http://{host}:{origin.port}/")) == 403
        assert origin.heads == []


async def test_a_redirect_to_a_host_that_is_not_allowed_is_refused_when_the_client_follows() -> (
    None
):
    async with (
        Origin() as secret,
        Origin(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n"
            % secret.port
        ) as origin,
    ):
        here = f"127.0.0.1:{origin.port}"
        async with proxied(here) as (_, port):
            with pytest.raises(urllib.error.HTTPError) as caught:
                await asyncio.to_thread(fetch, port, f"http://{here}/")
            caught.value.close()
        assert caught.value.code == 403
        assert secret.heads == []


async def test_a_name_that_leads_inside_is_refused_with_the_address_to_add() -> None:
    async with proxied("a.org", table={"a.org": "10.1.2.3"}) as (_, port):
        answer = await get(port, "http://a.org/")
    assert status(answer) == 403
    assert b"'10.1.2.3:80'" in answer


async def test_the_host_field_is_that_of_the_url() -> None:
    async with Origin() as origin, proxied(f"127.0.0.1:{origin.port}") as (_, port):
        await talk(
            port,
            b"GET http://127.0.0.1:%d/x HTTP/1.1\r\nHost: evil.com\r\n"
            b"Proxy-Authorization: secret\r\n\r\n" % origin.port,
        )
    assert origin.heads == [
        b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nVia: 1.1 sandcrew\r\nConnection: close\r\n\r\n"
        % origin.port
    ]


@pytest.mark.parametrize(
    "smuggled",
    [
        b"GET http://{} HTTP/1.1\r\nHost: {}\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n",
        b"POST http://{} HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\nokGET /evil HTTP/1.1\r\n"
        b"Host: evil\r\n\r\n",
        b"POST http://{} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
        b"0\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n",
        b"POST http://{} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
        b"0\r\nGET: /evil\r\n\r\n",
        b"POST http://{} HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked"
        b"\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
        b"POST http://{} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n"
        b"GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n",
        b"GET http://{} HTTP/1.1\r\nHost: {}\r\nX: a\n\nGET /evil HTTP/1.1\r\n\r\n",
        b"GET http://{} HTTP/1.1\r\nHost: {}\r\nX: a\r\rGET /evil HTTP/1.1\r\n\r\n",
    ],
)
async def test_no_second_request_is_smuggled_behind_the_first(smuggled: bytes) -> None:
    seen = bytearray()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await read_head(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        seen.extend(await read_all(reader))

    async with Origin(answer) as origin, proxied(f"127.0.0.1:{origin.port}") as (_, port):
        here = b"127.0.0.1:%d" % origin.port
        await talk(port, smuggled.replace(b"{} HTTP", here + b"/ HTTP").replace(b"{}", here))
    assert b"evil" not in seen


@pytest.mark.parametrize(
    "body",
    [
        b"x\r\n", b"-1\r\nok", b"2\nok\r\n0\r\n\r\n", b"2\r\nokay\r\n0\r\n\r\n", b"+2\r\nok\r\n",
        b"0x2\r\nok\r\n", b"2;a=\nb\r\nok\r\n0\r\n\r\n", b" 2\r\nok\r\n", b"\r\n",
        b"f" * 16 + b"\r\n", b"2" + b";" * 2000 + b"\r\n", b"0\r\n" + b"a: b\r\n" * 100 + b"\r\n",
    ],
)  # fmt: skip
async def test_chunks_that_are_none_are_refused(body: bytes) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_all(reader)

    async with Origin(silent) as origin, proxied(f"127.0.0.1:{origin.port}") as (proxy, port):
        answer = await talk(
            port,
            b"POST http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            % origin.port
            + body,
        )
        assert status(answer) in (400, 431)
        assert len(proxy.log.refused) == 1


async def test_a_chunked_body_arrives_whole_in_our_own_chunks() -> None:
    bodies: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        bodies.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n")
        writer.write(b"2\r\nde\r\n0\r\nTrailer: dropped\r\n\r\n")
        await writer.drain()
        await read_all(reader)

    async with Origin(answer) as origin, proxied(f"127.0.0.1:{origin.port}") as (_, port):
        head = b"POST http://127.0.0.1:%d/ HTTP/1.%d\r\nHost: x\r\n"
        chunked = b"Transfer-Encoding: chunked\r\n\r\n5;ext\r\nhello\r\n1\r\n!\r\n0\r\nT: 1\r\n\r\n"
        new = await talk(port, head % (origin.port, 1) + chunked)
        old = await talk(port, head % (origin.port, 0) + b"Content-Length: 5\r\n\r\n0\r\n\r\n")
    assert bodies == [b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", b"0\r\n\r\n"]
    assert new.endswith(b"Connection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert b"chunked" not in old, "HTTP/1.0 has no chunks"
    assert old.endswith(b"\r\n\r\nabcde")


async def test_a_client_that_waits_for_100_continue_gets_it() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"Expect: 100-continue" in await read_head(reader)
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(5)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + body[::-1])

    async with (
        Origin(answer) as origin,
        proxied(f"127.0.0.1:{origin.port}") as (_, port),
        connected(port) as (reader, writer),
    ):
        writer.write(
            b"POST http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            b"Expect: 100-continue\r\n\r\n" % origin.port
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"hello")
        assert (await read_all(reader)).endswith(b"olleh")


async def test_an_answer_that_comes_before_the_end_of_the_upload_arrives() -> None:
    answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
    async with Origin(answer) as origin, proxied(f"127.0.0.1:{origin.port}") as (_, port):
        head = b"POST http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n"
        got = await talk(port, head % origin.port + b"x" * 100)
    assert status(got) == 413
    assert got.endswith(b"no")


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\n\n", b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
    ],
)  # fmt: skip
async def test_an_origin_that_does_not_answer_in_http_is_a_502(answer: bytes) -> None:
    async with Origin(answer) as origin, proxied(f"127.0.0.1:{origin.port}") as (proxy, port):
        assert status(await get(port, f"http://127.0.0.1:{origin.port}/")) == 502
        assert len(proxy.log.failed) == 1
        assert proxy.log.refused == ()


async def test_an_origin_that_never_comes_to_the_point_is_given_up() -> None:
    answer = b"HTTP/1.1 103 Hints\r\n\r\n" * 50
    async with Origin(answer) as origin, proxied(f"127.0.0.1:{origin.port}") as (proxy, port):
        await get(port, f"http://127.0.0.1:{origin.port}/")
        assert "no final one" in proxy.log.failed[0].reason


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nshort",
    ],
)
async def test_a_response_cut_short_is_not_passed_off_as_whole(answer: bytes) -> None:
    async with (
        Origin(answer) as origin,
        proxied(f"127.0.0.1:{origin.port}") as (_, port),
        connected(port) as (reader, writer),
    ):
        writer.write(b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\n\r\n" % origin.port)
        with pytest.raises(ConnectionResetError):
            await reader.readuntil(b"never")


async def test_a_port_nobody_listens_on_is_a_502_and_no_refusal() -> None:
    async with Origin() as origin:
        gone = origin.port
    async with proxied(f"127.0.0.1:{gone}") as (proxy, port):
        assert status(await get(port, f"http://127.0.0.1:{gone}/")) == 502
        assert (proxy.log.refused, len(proxy.log.failed)) == ((), 1)


async def test_endless_headers_are_cut_off() -> None:
    async with proxied("a.org", head=4096) as (proxy, port):
        answer = await talk(port, b"GET http://a.org/ HTTP/1.1\r\n" + b"X: yyyyyyyy\r\n" * 9000)
        assert status(answer) in (0, 431)
        assert "longer than 4,096 bytes" in proxy.log.refused[0].reason


async def test_a_request_for_a_web_server_is_told_that_this_is_a_proxy() -> None:
    async with proxied("a.org") as (_, port):
        answer = await talk(port, b"GET / HTTP/1.1\r\nHost: a.org\r\n\r\n")
    assert status(answer) == 400
    assert b"this is a proxy" in answer

"""CONNECT and SOCKS 5: where they lead, and what may go through."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from .world import (
    HELLO,
    Origin,
    client_hello,
    connected,
    proxied,
    read_all,
    socks,
    socks_code,
    status,
    talk,
)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


async def greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As SSH and mail servers do, it speaks first."""
    writer.write(b"SSH-2.0-test\r\n")
    await read_all(reader)


def connect(host: str, port: int) -> bytes:
    return f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of ``files.example.org`` and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", "/CN=files.example.org",
        "-addext", "subjectAltName=DNS:files.example.org",
        "-addext", "basicConstraints=critical,CA:TRUE",
        "-keyout", str(key), "-out", str(cert),
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"openssl cannot make a certificate here: {error}")
    return cert, key


async def tunnelled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> bytes:
    """Ask for a tunnel to port 443 of ``name``."""
    writer.write(connect(name, 443))
    return await reader.readuntil(b"\r\n\r\n")


async def test_a_tunnel_carries_bytes_both_ways_and_the_end_of_one_side() -> None:
    data = bytes(range(256)) * 4000
    async with Origin(echo) as origin, proxied(f"127.0.0.1:{origin.port}") as (proxy, port):
        answer = await talk(port, connect("127.0.0.1", origin.port) + data, end=True)
        head, _, body = answer.partition(b"\r\n\r\n")
        via_socks = await talk(port, socks(b"127.0.0.1", origin.port) + data, end=True)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert body == data
        assert via_socks[:4] == b"\5\0\5\0"
        assert via_socks[12:] == data
        [contact] = proxy.log.contacted
        assert (contact.connections, contact.sent, contact.received) == (
            2,
            2 * len(data),
            2 * len(data),
        )


async def test_an_origin_that_speaks_first_is_heard() -> None:
    async with Origin(greeting) as origin, proxied(f"127.0.0.1:{origin.port}") as (_, port):
        answer = await talk(port, connect("127.0.0.1", origin.port), end=True)
        assert answer.endswith(b"SSH-2.0-test\r\n")


@pytest.mark.parametrize("port", [22, 80, 8443, 25, 53])
async def test_a_tunnel_to_another_port_of_an_allowed_host_is_refused(port: int) -> None:
    async with proxied("a.org:443", table={"a.org": "127.0.0.1"}) as (_, proxy):
        assert status(await talk(proxy, connect("a.org", port))) == 403
        assert await socks_code(proxy, socks(b"a.org", port)) == 2


async def test_tls_reaches_the_host_of_its_tunnel(certificate: tuple[Path, Path]) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    client = ssl.create_default_context(cafile=str(certificate[0]))

    def fetch(port: int, name: str) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
            sock.sendall(connect(name, origin.port))
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
            with client.wrap_socket(sock, server_hostname="files.example.org") as tls:
                tls.sendall(b"GET / HTTP/1.1\r\n\r\n")
                return tls.recv(1000)

    async with Origin(HELLO, tls=server) as origin:
        allowed = [f"*.example.org:{origin.port}", f"127.0.0.1:{origin.port}"]
        table = {"files.example.org": "127.0.0.1", "other.example.org": "127.0.0.1"}
        tls_ports = frozenset({origin.port})
        async with proxied(*allowed, table=table, tls_ports=tls_ports) as (proxy, port):
            assert await asyncio.to_thread(fetch, port, "files.example.org") == HELLO
            with pytest.raises(ssl.SSLError, match=r"(?i)access.denied"):
                await asyncio.to_thread(fetch, port, "other.example.org")
            [refused] = proxy.log.refused
            assert refused.host == "other.example.org"
            assert "names 'files.example.org'" in refused.reason


@pytest.mark.parametrize(
    "first",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n", b"GET / HTTP/1.1\r\nHost: a.org\r\n\r\n", b"\0" * 100,
        b"\x80\x2e\x01\x03\x01" + b"\0" * 50, b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff" + b"x" * 100, b"\x17\x03\x03\x00\x05hello",
        b"\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00", client_hello("evil.com"), client_hello(None),
        client_hello("a.org.evil.com"), b"\x16\x03\x01\x00\x04\x01\xff\xff\xff" + b"y" * 90_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["connect", "socks"])
async def test_only_tls_for_its_host_goes_through_a_tunnel_to_a_tls_port(
    first: bytes, way: str
) -> None:
    came: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        came.append(await read_all(reader))

    async with Origin(answer) as origin:
        where = origin.port
        async with proxied(
            f"a.org:{where}", f"127.0.0.1:{where}",
            table={"a.org": "127.0.0.1"}, tls_ports=frozenset({where}),
        ) as (proxy, port):  # fmt: skip
            ask = connect("a.org", where) if way == "connect" else socks(b"a.org", where)
            await talk(port, ask + first)
            assert len(proxy.log.refused) == 1
            assert proxy.log.contacted[0].sent == 0
    assert b"".join(came) == b""


async def test_a_hello_in_many_small_records_and_packets_is_understood() -> None:
    whole = client_hello("a.org")[5:]
    records = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    raw = b"".join(b"\x16\x03\x01" + len(part).to_bytes(2) + part for part in records)
    async with Origin(echo) as origin:
        where = origin.port
        async with (
            proxied(
                f"a.org:{where}", f"127.0.0.1:{where}",
                table={"a.org": "127.0.0.1"}, tls_ports=frozenset({where}),
            ) as (_, port),
            connected(port) as (reader, writer),
        ):  # fmt: skip
            writer.write(connect("a.org", where))
            await reader.readuntil(b"\r\n\r\n")
            for at in range(0, len(raw), 100):
                writer.write(raw[at : at + 100])
                await writer.drain()
            assert await reader.readexactly(len(raw)) == raw


async def test_the_look_into_tunnels_can_be_switched_off() -> None:
    async with Origin(echo) as origin:
        where = origin.port
        async with proxied(f"127.0.0.1:{where}", tls_ports=frozenset({where}), inspect=False) as (
            _,
            port,
        ):
            answer = await talk(port, connect("127.0.0.1", where) + b"SSH-2.0", end=True)
            assert answer.endswith(b"SSH-2.0")


@pytest.mark.parametrize(
    ("host", "code"), [("127.0.0.1", 200), ("evil.com", 403), ("127.0.0.1.evil.com", 403)]
)
async def test_a_tunnel_to_an_http_port_carries_requests_for_its_host_only(
    host: str, code: int
) -> None:
    async with Origin() as origin:
        where = origin.port
        async with proxied(f"127.0.0.1:{where}", http_ports=frozenset({where})) as (_, port):
            # The default port of a Host field is 80, so here it has to be said.
            request = f"GET /x HTTP/1.1\r\nHost: {host}:{where}\r\n\r\n".encode()
            answer = await talk(port, connect("127.0.0.1", where) + request)
            inner = answer.partition(b"\r\n\r\n")[2]
            assert status(inner) == code
            assert len(origin.heads) == (code == 200)


@pytest.mark.parametrize(
    "host",
    [
        b"evil.com\0.a.org", b"evil.com%00.a.org", b"evil.com\n.a.org", b"a.org\0", b"\0", b"",
        b"a.org@evil.com", b"2130706433", b"0x7f.0.0.1", b"127.1", b"::ffff:127.0.0.1", b"::1%lo",
        b"\xd0\xb0.org", b"\xff\xfe.org", b".a.org", b"a..org", b"x" * 255, b"127.0.0.1", b"::1",
        b"evil.com/.a.org", b"evil.com#.a.org", b"a.org\\.evil.com",
    ],
)  # fmt: skip
async def test_a_socks_name_that_is_no_allowed_host_is_not_allowed(host: bytes) -> None:
    table = {"evil.com": "127.0.0.1", "evil.com.a.org": "127.0.0.1"}
    async with proxied("a.org", "*.a.org", table=table) as (proxy, port):
        assert await socks_code(port, socks(host, 443)) == 2
        assert not proxy.log.contacted
        assert not proxy.log.failed
        [refused] = proxy.log.refused
        assert (refused.host + refused.reason).isprintable()


@pytest.mark.parametrize("text", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("allowed", [True, False])
async def test_a_socks_address_is_checked_as_an_address(text: str, *, allowed: bool) -> None:
    ip = ipaddress.ip_address(text)
    request = b"\5\1\0\5\1\0" + (b"\1" if ip.version == 4 else b"\4") + ip.packed
    async with Origin(echo) as origin:
        where = origin.port
        pattern = f"{text}:{where}" if ip.version == 4 else f"[{text}]:{where}"
        async with proxied(*[pattern] * allowed) as (_, port):
            code = await socks_code(port, request + where.to_bytes(2))
    if not allowed:
        assert code == 2
    else:
        assert code == (0 if ip.version == 4 else 4)  # nobody listens on ::1


async def test_a_mapped_socks_address_is_not_allowed() -> None:
    mapped = ipaddress.ip_address("::ffff:127.0.0.1").packed
    async with proxied("127.0.0.1:80") as (_, port):
        assert await socks_code(port, b"\5\1\0\5\1\0\4" + mapped + b"\0\x50") == 2


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"\5\2\0\1\x7f\0\0\1\0\x50", 7),  # BIND
        (b"\5\3\0\1\x7f\0\0\1\0\x50", 7),  # UDP ASSOCIATE
        (b"\5\1\0\2\x7f\0\0\1\0\x50", 8),  # no such type of address
        (b"\5\1\0\3\5a.org\0\0", 1),  # port 0
        (b"\4\1\0\3\5a.org\0\x50", 1),
        (b"\5\1\1\3\5a.org\0\x50", 1),
    ],
)
async def test_other_socks_requests_have_their_reply(request_: bytes, code: int) -> None:
    async with proxied("a.org", "127.0.0.1") as (proxy, port):
        assert await socks_code(port, b"\5\1\0" + request_) == code
        assert proxy.log.contacted == ()


async def test_a_socks_client_that_insists_on_a_password_is_turned_away() -> None:
    async with proxied("a.org") as (_, port):
        assert await talk(port, b"\5\1\2") == b"\5\xff"


@pytest.mark.parametrize("first", [b"\4\1\0\x50\x7f\0\0\1\0", b"\x16\x03\x01", b"get /", b"\0\0"])
async def test_what_is_neither_http_nor_socks_5_is_cut_off(first: bytes) -> None:
    async with proxied("a.org") as (proxy, port):
        assert await talk(port, first) == b""
        assert "neither" in proxy.log.refused[0].reason

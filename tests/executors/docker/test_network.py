"""A container reaches no host but those that are named, by the proxy and in no other way."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Iterator

import pytest

from sandcrew.executors import CodeBlock, CodeResult, DockerCommandLineCodeExecutor
from sandcrew.executors.docker.images import tag_of
from sandcrew.sandbox import Policy

BASE = tag_of("base")


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the page")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server of this host."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def fetch(port: int, host: str = "127.0.0.1") -> CodeBlock:
    return CodeBlock(
        "import urllib.request\n"
        f"print(urllib.request.urlopen('http://{host}:{port}/', timeout=20).read().decode())",
        "python",
    )


def direct(port: int) -> CodeBlock:
    return CodeBlock(
        f"import socket; print(socket.create_connection(('127.0.0.1', {port}), 5))", "python"
    )


async def run(policy: Policy, *blocks: CodeBlock) -> list[CodeResult]:
    async with DockerCommandLineCodeExecutor(BASE, policy=policy) as executor:
        return list(
            await asyncio.gather(*(executor.execute_code_blocks([block]) for block in blocks))
        )


async def test_the_default_reaches_nothing(port: int) -> None:
    (proxied, straight) = await run(Policy(), fetch(port), direct(port))
    assert (proxied.exit_code, straight.exit_code) == (1, 1)


async def test_the_network_of_the_host_is_had_by_name(port: int) -> None:
    """The positive control of the others."""
    (proxied, straight) = await run(Policy(network="host"), fetch(port), direct(port))
    assert (proxied.output, straight.exit_code) == ("the page\n", 0)
    assert "network-namespace" not in proxied.isolation


async def test_a_host_that_is_named_is_reached_and_no_other(port: int) -> None:
    policy = Policy(network=[f"127.0.0.1:{port}"])
    named, other, straight = await run(policy, fetch(port), fetch(port + 1), direct(port))
    assert named.output == "the page\n"
    assert [(contact.host, contact.port) for contact in named.contacts] == [("127.0.0.1", port)]
    assert other.exit_code == 1
    assert [denial.subject for denial in other.denials] == [f"127.0.0.1:{port + 1}"]
    assert straight.exit_code == 1
    assert "network-proxy" in named.isolation


async def test_ten_runs_at_once_have_a_way_out_each(port: int) -> None:
    policy = Policy(network=[f"127.0.0.1:{port}"])
    results = await run(policy, *[fetch(port)] * 10)
    assert [result.output for result in results] == ["the page\n"] * 10
    assert [len(result.contacts) for result in results] == [1] * 10


async def test_programs_of_a_container_can_talk_to_themselves() -> None:
    code = """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
connection, _ = server.accept()
client.send(b"hello")
print(connection.recv(10))
"""
    (result,) = await run(Policy(), CodeBlock(code, "python"))
    assert result.output == "b'hello'\n"

"""A container reaches no host but those that are named, by the proxy and in no other way."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandcrew.executors import CodeBlock, CodeResult, DockerCommandLineCodeExecutor
from sandcrew.executors.docker import launcher
from sandcrew.executors.docker.images import tag_of
from sandcrew.executors.docker.settings import settings
from sandcrew.sandbox import BackendUnavailable, Policy

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


KNOWN = "import socket; print(socket.gethostbyname('localhost'), socket.gethostbyname('sandbox'))"


async def test_the_names_of_the_machine_itself_are_known() -> None:
    (result,) = await run(Policy(), CodeBlock(KNOWN, "python"))
    assert result.output == "127.0.0.1 127.0.0.1\n"


async def test_further_names_are_known_if_the_caller_says_so() -> None:
    code = CodeBlock("import socket; print(socket.gethostbyname('a.test'))", "python")
    async with DockerCommandLineCodeExecutor(BASE, extra_hosts={"a.test": "127.0.0.9"}) as executor:
        assert (await executor.execute_code_blocks([code])).output == "127.0.0.9\n"


async def test_the_callers_own_file_of_names_is_the_one_that_is_seen() -> None:
    code = CodeBlock("print(open('/etc/hosts').read(), end='')", "python")
    (result,) = await run(Policy(read_only=["/etc/hosts"]), code)
    assert result.output == Path("/etc/hosts").read_text()


async def test_the_name_servers_of_the_host_are_not_told() -> None:
    code = CodeBlock("print(open('/etc/resolv.conf').read())", "python")
    host = Path("/etc/resolv.conf").read_text()
    servers = [line for line in host.splitlines() if line.startswith("nameserver")]
    (told,) = await run(Policy(network="host"), code)
    (result,) = await run(Policy(), code)
    if not servers:
        pytest.skip("this host has no name servers to tell of")
    assert [line for line in servers if line in told.output] == servers  # the positive control
    assert [line for line in servers if line in result.output] == []
    assert result.exit_code == 0


async def test_an_engine_that_gives_a_network_all_the_same_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def of_the_host(*args: Any) -> dict[str, Any]:
        body = settings(*args)
        body["HostConfig"]["NetworkMode"] = "host"
        body["HostConfig"].pop("Sysctls")  # which are not had with it
        return {**body, "NetworkDisabled": False, "Hostname": ""}

    monkeypatch.setattr(launcher, "settings", of_the_host)
    with pytest.raises(BackendUnavailable, match="in the network of the host, and the policy"):
        await run(Policy(), CodeBlock("print(1)", "python"))

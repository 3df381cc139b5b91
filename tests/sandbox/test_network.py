"""A list of hosts is the only way out, and the receipt says where it was taken."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandcrew.sandbox import Policy, PolicyError, Sandbox


class _Quiet(http.server.SimpleHTTPRequestHandler):
    folder = "."

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, directory=self.folder, **kwargs)  # type: ignore[arg-type]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def server(folder: Path) -> Generator[int, None, None]:
    """A real web server on loopback, and its port."""
    handler = type("Handler", (_Quiet,), {"folder": str(folder)})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        try:
            yield httpd.server_port
        finally:
            httpd.shutdown()
            thread.join()


FETCH = """
import sys, urllib.request, urllib.error
for url in {urls!r}:
    try: print(urllib.request.urlopen(url, timeout=10).read().decode())
    except urllib.error.HTTPError as error: print(error.code, error.read().decode()[:60])
    except OSError as error: print(error)
"""


async def test_an_allowed_host_is_reached_and_another_is_refused_with_the_reason(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with server(tmp_path) as port, server(tmp_path) as other:
        urls = [f"http://127.0.0.1:{number}/a.txt" for number in (port, other)]
        async with Sandbox(Policy(network=[f"127.0.0.1:{port}"])) as box:
            result = await box.run(FETCH.format(urls=urls))
    first, second = result.output.splitlines()[:2]
    assert first == "hello"
    assert second.startswith("403 ")
    assert [(contact.host, contact.port) for contact in result.contacts] == [("127.0.0.1", port)]
    assert result.contacts[0].received > 5
    (denial,) = result.denials
    assert (denial.kind, denial.subject) == ("network", f"127.0.0.1:{other}")
    assert "not in the network allow list" in denial.reason or "is only on port" in denial.reason
    assert {"network-namespace", "network-proxy"} <= set(result.isolation)
    assert "refused: 127.0.0.1" in result.receipt()


async def test_without_the_proxys_variables_there_is_no_route() -> None:
    code = """
import socket
for family, host in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
    try: socket.socket(family).connect((host, 443)); print("REACHED")
    except OSError as error: print(error.strerror)
try: print(socket.getaddrinfo("example.org", 443), "REACHED")
except OSError: print("no DNS")
"""
    async with Sandbox(Policy(network=["example.org"])) as box:
        result = await box.run(code)
    assert "REACHED" not in result.output
    assert result.output.endswith("no DNS\n")


async def test_each_run_has_a_proxy_and_a_receipt_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with server(tmp_path) as port:
        code = FETCH.format(urls=[f"http://127.0.0.1:{port}/a.txt"])
        async with Sandbox(Policy(network=[f"127.0.0.1:{port}"])) as box:
            results = [await box.run(code), await box.run("print(1)"), await box.run(code)]
    assert [len(result.contacts) for result in results] == [1, 0, 1]


async def test_what_a_run_receives_is_within_its_budget(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(1 << 20))
    code = """
import urllib.request
try: print(len(urllib.request.urlopen({url!r}).read()))
except Exception as error: print(type(error).__name__)
"""
    with server(tmp_path) as port:
        code = code.format(url=f"http://127.0.0.1:{port}/big")
        async with Sandbox(Policy(network=[f"127.0.0.1:{port}"], download="64KiB")) as box:
            first, second = await box.run(code), await box.run(code)
        async with Sandbox(Policy(network=[f"127.0.0.1:{port}"], download="2MiB")) as box:
            within = await box.run(code)
    assert within.output == f"{1 << 20}\n"
    for result in (first, second):  # each run has a budget of its own
        assert result.output in ("IncompleteRead\n", "ConnectionResetError\n")
        assert "receiving" in result.denials[0].reason


async def test_an_empty_list_is_no_network() -> None:
    async with Sandbox(Policy(network=[])) as box:
        result = await box.run("import os; print([n for n in os.environ if 'proxy' in n.lower()])")
    assert result.output == "[]\n"
    assert "network-proxy" not in result.isolation


async def test_a_program_killed_while_it_downloads_leaves_no_connection(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(1 << 30)
    code = """
import urllib.request
stream = urllib.request.urlopen({url!r})
while True: stream.read(1 << 16) or print("end")
"""
    with server(tmp_path) as port:
        async with Sandbox(Policy(network=[f"127.0.0.1:{port}"])) as box:
            url = f"http://127.0.0.1:{port}/big"
            result = await box.run(code.format(url=url), timeout=1)
            assert result.timed_out
            assert result.contacts[0].received > 0
            assert (await box.run("print('usable')")).output == "usable\n"


@pytest.mark.parametrize("host", ["*", "exa mple.org", "a\0b", "http://example.org", "x:0", ""])
def test_a_host_that_could_never_match_is_refused_by_its_key(host: str) -> None:
    with pytest.raises(PolicyError, match=r"^network: "):
        Policy(network=[host])

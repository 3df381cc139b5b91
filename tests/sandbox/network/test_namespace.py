"""As it is used: the guest listens in a network of its own, the proxy serves from outside."""

from __future__ import annotations

import asyncio
import json
import socket
import sys

import pytest

from sandcrew.sandbox.network import AllowList, Proxy

from .world import HELLO, Origin, names

GUEST = """
import ctypes, fcntl, json, os, socket, struct, sys, urllib.error, urllib.request

channel = socket.socket(fileno=int(sys.argv[1]))
port = int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x10000000 | 0x40000000):  # CLONE_NEWUSER | CLONE_NEWNET
    sys.exit(os.strerror(ctypes.get_errno()))
with socket.socket() as probe:  # SIOCSIFFLAGS: lo up and running
    fcntl.ioctl(probe, 0x8914, struct.pack("16sH14x", b"lo", 0x41))
listener = socket.create_server(("127.0.0.1", 3128))
socket.send_fds(channel, [b"!"], [listener.fileno()])
listener.close()

def fetch(url):
    try:
        with urllib.request.build_opener().open(url, timeout=20) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.reason}"
    except OSError as error:
        return type(error).__name__

os.environ.pop("http_proxy", None)
results = {"direct": fetch(f"http://127.0.0.1:{port}/")}
os.environ["http_proxy"] = "http://127.0.0.1:3128"
results["allowed"] = fetch(f"http://files.example.org:{port}/")
results["other"] = fetch(f"http://evil.com:{port}/")
print(json.dumps(results))
"""


async def test_a_guest_in_an_empty_network_reaches_an_allowed_host_and_nothing_else() -> None:
    ours, theirs = socket.socketpair()
    async with Origin() as origin:
        with ours, theirs:
            guest = await asyncio.create_subprocess_exec(
                sys.executable, "-c", GUEST, str(theirs.fileno()), str(origin.port),
                pass_fds=[theirs.fileno()],
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            theirs.close()
            _, fds, _, _ = await asyncio.to_thread(socket.recv_fds, ours, 1, 1)
        if not fds:
            why = (await guest.communicate())[1].decode()
            pytest.skip(f"no network namespace can be made here: {why}")
        allow = AllowList.parse([f"files.example.org:{origin.port}", f"127.0.0.1:{origin.port}"])
        resolve = names({"files.example.org": "127.0.0.1", "evil.com": "127.0.0.1"})
        async with Proxy(allow, resolve=resolve) as proxy:
            proxy.start(socket.socket(fileno=fds[0]))
            out, err = await asyncio.wait_for(guest.communicate(), 50)
        assert not err
        results = json.loads(out)
    assert results["direct"] == "URLError"
    assert results["allowed"] == HELLO.rpartition(b"\r\n")[2].decode()
    assert results["other"].startswith("403 evil.com")
    assert [contact.host for contact in proxy.log.contacted] == ["files.example.org"]
    assert [refused.host for refused in proxy.log.refused] == ["evil.com"]

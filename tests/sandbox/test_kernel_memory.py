"""Memory of the kernel's that processes cause is memory of theirs."""

from __future__ import annotations

import pytest

from sandcrew.sandbox import Policy, Sandbox

PAGE_TABLES = """
import ctypes, os, time
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
size = {size} << 20
for _ in range(60):
    if os.fork() == 0:  # reads a page of zeros in each 2 MiB: no memory of its own but the tables
        begin = libc.mmap(None, size, 1, 0x4022, -1, 0)
        for at in range(0, size, 2 << 20):
            ctypes.c_char.from_address(begin + at).value
        time.sleep(20)
time.sleep(3)
"""


async def test_page_tables_count_as_memory() -> None:
    async with Sandbox(Policy(memory="96MiB", timeout=40)) as box:
        result = await box.run(PAGE_TABLES.format(size=1000))
        assert result.limit_hit == "memory"
        assert result.exit_code == 137


async def test_a_few_page_tables_are_no_harm() -> None:
    async with Sandbox(Policy(memory="512MiB", timeout=40)) as box:
        result = await box.run(PAGE_TABLES.format(size=10))
        assert (result.limit_hit, result.exit_code) == (None, 0)


FULL = """
import os, socket
def fill(end):
    end.setblocking(False)
    try:
        while True: os.write(log, b"x" * (end.send(b"x" * 60000) >> 10))
    except OSError: pass
def held(number, kind):
    kept = []
    server = socket.create_server(("127.0.0.1", 0))
    for _ in range(number):
        if kind == "tcp":
            one, other = socket.create_connection(server.getsockname()), server.accept()[0]
        else:
            types = {{"datagrams": socket.SOCK_DGRAM, "packets": socket.SOCK_SEQPACKET}}
            one, other = socket.socketpair(socket.AF_UNIX, types.get(kind, socket.SOCK_STREAM))
        if kind == "enlarged":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
        fill(one)
        if kind == "closed": one.close()
        kept += [one, other]
    return kept
def many(kind):
    for _ in range(4):
        if os.fork() == 0:
            kept = held(200, kind)
            time.sleep(20)
    time.sleep(3)
import time
log = os.open("log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
many({kind!r})
print(os.stat("log").st_size >> 10)
"""


@pytest.mark.parametrize("kind", ["pairs", "packets", "tcp", "closed", "enlarged"])
async def test_whatever_fills_sockets_is_limited(kind: str) -> None:
    async with Sandbox(Policy(memory="96MiB", timeout=40)) as box:
        result = await box.run(FULL.format(kind=kind))
        if result.exit_code == 0 and kind == "tcp":  # cgroups of version 1 let it wait
            assert int(result.output) < 96, "MiB sent that nobody has read"
        else:
            assert (result.exit_code, result.limit_hit) == (137, "memory"), result.output


async def test_empty_sockets_are_no_harm_however_many() -> None:
    code = (
        "import os, socket, time\nfor _ in range(4):\n if os.fork() == 0:\n"
        "  held = [socket.socketpair() for _ in range(200)]\n  time.sleep(1)\n  os._exit(0)\n"
        "for _ in range(4): os.wait()"
    )
    async with Sandbox(Policy(memory="96MiB", timeout=40)) as box:
        assert (await box.run(code)).exit_code == 0


async def test_answers_of_workers_that_have_ended_are_no_harm() -> None:
    code = (
        "import os, socket, time\nheld = []\nfor _ in range(60):\n"
        " one, other = socket.socketpair()\n held.append(other)\n if os.fork() == 0:\n"
        "  one.send(b'x' * 100)\n  os._exit(0)\n one.close()\ntime.sleep(1)\n"
        "print(sum(len(other.recv(1000)) for other in held))"
    )
    async with Sandbox(Policy(memory="256MiB", timeout=40)) as box:
        assert (await box.run(code)).output == "6000\n"


SOCKETS = """
import os, socket, time
for _ in range(4):
    if os.fork() == 0:
        held = [socket.socketpair() for _ in range(200)]
        for end, _ in held:
            end.setblocking(False)
            try:
                while True: end.send(b"x" * 65536)
            except BlockingIOError: pass
        time.sleep(20)
time.sleep(3)
"""


async def test_full_socket_buffers_count_as_memory() -> None:
    async with Sandbox(Policy(memory="64MiB", timeout=40)) as box:
        result = await box.run(SOCKETS)
        assert (result.exit_code, result.limit_hit) == (137, "memory")


async def test_a_hundred_empty_sockets_are_no_harm() -> None:
    async with Sandbox(Policy(memory="64MiB", timeout=40)) as box:
        code = "import socket\nheld = [socket.socketpair() for _ in range(100)]"
        assert (await box.run(code)).exit_code == 0

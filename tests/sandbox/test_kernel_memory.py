"""Memory of the kernel's that processes cause is memory of theirs."""

from __future__ import annotations

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

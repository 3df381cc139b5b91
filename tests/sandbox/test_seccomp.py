"""The filter of system calls, tried by processes that the kernel would let do it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from sandcrew.sandbox import Policy, Sandbox

_OPTIONS = {
    "tables of packet filters": [(0, 64), (0, 96), (0, 128), (41, 64), (41, 65)],
    "the same with high bits, which the kernel ignores": [
        (1 << 32, 64),
        (0, 64 | 1 << 32),
        (41 | 1 << 40, 64),
    ],
    "virtual servers": [(0, 1152), (0, 1185)],
    "policies of IPsec": [(0, 16), (0, 17), (41, 34), (41, 35)],
    "the repair of TCP": [(6, 19)],
    "extension headers of IPv6": [[41, 54], [41, 55], [41, 57], [41, 59]],
}

_TRY = """
import ctypes, json, socket, sys
from sandcrew.sandbox import seccomp
from sandcrew.sandbox.guest import kernel

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def answers():
    found = []
    for level, option in json.loads(sys.argv[1]):
        with socket.socket(socket.AF_INET6 if level & 0xFF == 41 else socket.AF_INET) as sock:
            buffer = ctypes.create_string_buffer(512)
            for number, length in ((SET, ctypes.c_long(84)), (GET, ctypes.byref(ctypes.c_int(84)))):
                ctypes.set_errno(0)
                libc.syscall(ctypes.c_long(number), ctypes.c_long(sock.fileno()),
                             ctypes.c_long(level), ctypes.c_long(option), buffer, length)
                found.append(ctypes.get_errno())
    return found

SET, GET = (208, 209) if __import__("os").uname().machine == "aarch64" else (54, 55)
programs = seccomp.filters()
kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET)
before = answers()
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
for program in programs[1:]:
    kernel.seccomp_install(program)
print(json.dumps([before, answers()]))
"""


@pytest.mark.parametrize("options", _OPTIONS)
def test_who_administers_a_network_of_its_own_is_refused_by_the_filter(options: str) -> None:
    """As the fork of a session that enters a branch could, in its moment with capabilities."""
    argv = [sys.executable, "-c", _TRY, json.dumps(_OPTIONS[options])]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    without, with_filter = json.loads(done.stdout)
    assert set(with_filter) == {1}, "EPERM"
    assert set(without) - {1}, "the kernel itself would have looked at them"


async def test_ordinary_options_of_sockets_and_lists_of_interfaces_work() -> None:
    code = """
        import asyncio, fcntl, socket, struct
        for family in (socket.AF_INET, socket.AF_INET6):
            with socket.socket(family) as sock:
                for level, option in ((socket.SOL_SOCKET, socket.SO_REUSEADDR),
                                      (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                                      (socket.IPPROTO_TCP, socket.TCP_NODELAY),
                                      (socket.IPPROTO_TCP, socket.TCP_KEEPCNT)):
                    sock.setsockopt(level, option, 1)
                    assert sock.getsockopt(level, option)
                if family == socket.AF_INET:
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 16)
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9)
                else:
                    for option in (socket.IPV6_V6ONLY, socket.IPV6_TCLASS, 66, 70):
                        sock.setsockopt(socket.IPPROTO_IPV6, option, 1)

        def ask(request):
            with socket.socket() as sock:
                try: return fcntl.ioctl(sock, request, struct.pack("16s24x", b"lo"))[:2]
                except OSError as error: return error.strerror
        assert ask(0x8913) == b"lo", "flags"
        assert ask(0x8921) == b"lo", "MTU"
        print(ask(0x8946))

        async def main():
            async def echo(reader, writer):
                writer.write(await reader.readline())
                await writer.drain()
                writer.close()
            server = await asyncio.start_server(echo, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\\n")
            print((await reader.read()).decode(), end="")
            writer.close()
            server.close()
        asyncio.run(main())
    """
    async with Sandbox(Policy(timeout=20)) as box:
        result = await box.run(textwrap.dedent(code))
    assert result.output == "Operation not supported\nhello\n"

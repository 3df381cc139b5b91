"""A cell that takes over what speaks for its session gets nothing but an end.

Whatever it sends, the host keeps a bounded memory and its descriptors, there is one clear result,
and the next cell works.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import psutil
import pytest

from sandcrew.sandbox import Policy, Session, Shown

Live = Callable[..., AbstractAsyncContextManager[Session]]

TOOLS = """
import array, gc, json, os, socket, struct, time
(session,) = [o for o in gc.get_objects() if type(o).__name__ == "Session"]
sock, cell = session._channel.sock, session._cell
def raw(header, body=b"", sizes=None):
    return struct.pack(">II", *(sizes or (len(header), len(body)))) + header + body
def frame(header, body=b""):
    sock.sendall(raw(json.dumps({"fds": 0, "id": cell, **header}).encode(), body))
def done(**more):
    frame({"op": "done", "exit_code": 0, "kind": "none", **more})
def display(forms, body=b"", metadata={}):
    frame({"op": "display", "forms": forms, "metadata": metadata}, body)
def hang():
    while True: time.sleep(60)
"""

KILLED = {
    "garbage": "sock.sendall(b'\\xff' * 100)",
    "a huge header": "sock.sendall(raw(b'', sizes=(1 << 31, 0)))",
    "a huge body": "sock.sendall(raw(b'{}', sizes=(2, 1 << 31)))",
    "no JSON": "sock.sendall(raw(b'{'))",
    "no object": "sock.sendall(raw(b'[]'))",
    "a nested bomb": "sock.sendall(raw(b'[' * 1_000_000))",
    "a long number": "sock.sendall(raw(b'{\"a\":' + b'9' * 1_000_000 + b'}'))",
    "descriptors that did not come": "frame({'op': 'done', 'fds': 5})",
    "fewer descriptors than none": "frame({'op': 'done', 'fds': -1})",
    "no id": 'sock.sendall(raw(b\'{"op": "done"}\'))',
    "an unknown frame": "frame({'op': 'reboot'})",
    "an unknown kind": "done(kind='pickle')",
    "a kind that is no text": "done(kind=['json'])",
    "no exit code": "done(exit_code='x')",
    "an exit code without end": "done(exit_code=float('inf'))",
    "metadata that become much": "display([], b'', {'a': [[]] * 150_000})",
    "too many forms": "display([[str(i), 'text', 0] for i in range(65)])",
    "a display that is too large": "display([['a', 'text', 13 << 20]], bytes(13 << 20))",
    "words of an earlier cell without end": "while True: "
    "frame({'op': 'done', 'exit_code': 0, 'kind': 'none', 'id': 0})",
    "the same, large": "while True: "
    "frame({'op': 'display', 'forms': [['a', 'text', 1 << 20]], 'metadata': {}, 'id': 0}, "
    "bytes(1 << 20))",
    "a later cell": "frame({'op': 'done', 'exit_code': 0, 'kind': 'none', 'id': cell + 1})",
    "a cell of no number": "frame({'op': 'display', 'forms': [], 'metadata': {}, 'id': 1e99})",
    "a cell of no kind": "frame({'op': 'input', 'prompt': 'x', 'id': [cell]})",
    "a word of the fork server": "frame({'op': 'exited', 'exit_code': 0})",
    "a word of the first process": "frame({'op': 'ended', 'exit_code': 0})",
    "a word of a branch": "frame({'op': 'ready'})",
    "a question with a body": "frame({'op': 'input', 'prompt': 'x'}, b'x')",
    "a question that is no text": "frame({'op': 'input', 'prompt': 5})",
    "a key twice": 'sock.sendall(raw(b\'{"op": "x", "op": "done"}\'))',
    "a value that is too large": "frame({'op': 'done', 'exit_code': 0, 'kind': 'bytes'}, "
    "bytes((16 << 20) + 1))",
    "forms that are none": "display(5)",
    "forms of nothing": "display([[1]])",
    "a negative size": "display([['a', 'text', 9], ['b', 'text', -9]] * 10_000, b'x' * 9)",
    "a size that is too large": "display([['a', 'text', 1 << 40]], b'x')",
    "a size that is no number": "display([['a', 'text', 'x']], b'x')",
    "a form of no kind": "display([['a', [], 1]], b'x')",
    "metadata that is none": "display([], b'', [1])",
    "too many questions": "for _ in range(100): frame({'op': 'input', 'prompt': 'x'})",
    "the end of the socket": "sock.close()",
    "half a frame, then the end": "sock.sendall(raw(b'{', sizes=(9, 9))); sock.close()",
}


@pytest.mark.parametrize("what", KILLED)
async def test_whoever_breaks_the_protocol_is_killed(what: str, live: Live) -> None:
    before = psutil.Process().num_fds()

    async def never(_: str) -> str:
        await asyncio.sleep(3600)
        raise AssertionError

    async with live(timeout=20, on_input=never) as session:
        result = await session.run(f"print('before', flush=True)\n{TOOLS}{KILLED[what]}\nhang()")
        assert (result.exit_code, result.state_lost) == (137, True)
        assert (result.stdout, result.timed_out, result.value) == ("before\n", False, None)
        told = [denial for denial in result.denials if denial.kind == "protocol"]
        assert len(told) == (0 if what.endswith("the end") or "the end of" in what else 1)
        assert not told or told[0].reason in result.receipt()
        assert (await session.run("1 + 1")).value == 2
    assert psutil.Process().num_fds() <= before


async def test_frames_of_other_cells_and_after_the_end_are_ignored(
    policy: Policy, live: Live
) -> None:
    forge = """
for other in (0, cell - 1):
    frame({"op": "done", "exit_code": 7, "kind": "text", "id": other}, b"forged")
    frame({"op": "display", "forms": [], "metadata": {}, "id": other})
"""
    async with live(policy) as session:
        result = await session.run(TOOLS + forge + "'real'")
        assert (result.exit_code, result.value, len(result.outputs)) == (0, "real", 1)
        result = await session.run(TOOLS + "for i in range(100): done(exit_code=i)\n'late'")
        assert (result.exit_code, result.value) == (0, None)  # its own word, and only the first
        for i in range(5):
            assert (await session.run(f"{i}")).value == i


async def test_a_cell_can_lie_about_itself_only(live: Live) -> None:
    async with live() as session:
        lie = "frame({'op': 'done', 'exit_code': 1234, 'kind': 'json'}, b'[1e999]')"
        result = await session.run(TOOLS + lie)
        assert (result.exit_code, result.value) == (1234 & 0xFF, [float("inf")])
        lie = "frame({'op': 'done', 'exit_code': 0, 'kind': 'json'}, b'{')"
        assert (await session.run(TOOLS + lie)).value == Shown("{")
        assert "user-namespace" in result.isolation


async def test_a_deep_or_large_value_is_not_read(live: Live) -> None:
    async with live() as session:
        for body in ("b'[' * 90_000 + b']' * 90_000", "b'[' + b'[],' * 5_000_000 + b'[]]'"):
            lie = f"frame({{'op': 'done', 'exit_code': 0, 'kind': 'json'}}, {body})"
            result = await session.run(TOOLS + lie)
            assert isinstance(result.value, Shown)
            json.dumps(result.to_dict())
            await session.run("1")


FLOODS = {
    "displays": "while True: display([['text/plain', 'text', 5]], b'hello')",
    "large displays": "body = bytes(12 << 20)\n"
    "while True: display([['a', 'binary', len(body)]], body)",
    "large JSON": "body = b'[' + b'[],' * 300_000 + b'[]]'\n"
    "while True: display([['a', 'json', len(body)]], body)",
    "a frame that never ends": "text = json.dumps({'op': 'done', 'id': cell, 'exit_code': 0, "
    "'kind': 'bytes', 'fds': 0}).encode()\n"
    "sock.sendall(raw(text, bytes(15 << 20), (len(text), 16 << 20)))\nhang()",
}


@pytest.mark.parametrize("what", FLOODS)
async def test_a_flood_of_frames_is_bounded_and_the_host_goes_on(what: str, live: Live) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    process = psutil.Process()
    async with live(Policy(memory="4GiB"), timeout=1) as session:
        await session.run("1")
        before = process.memory_info().rss
        heart = asyncio.create_task(beat())
        result = await session.run(TOOLS + FLOODS[what])
        heart.cancel()
        assert (result.exit_code, result.timed_out) == (124, True)
        assert len(result.outputs) <= 1000
        assert process.memory_info().rss - before <= 64 << 20
        assert beats > 2
        assert (await session.run("1")).value == 1


async def test_descriptors_that_are_sent_are_not_kept(live: Live) -> None:
    send = """
fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(16)]
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
"""
    before = psutil.Process().num_fds()
    async with live() as session:
        with_frames = """
text = json.dumps({"fds": 16, "id": cell, "op": "display", "forms": [], "metadata": {}}).encode()
while True:
    try: sock.sendmsg([raw(text)], rights)
    except BrokenPipeError: hang()
    except OSError: time.sleep(0.001)  # so many on their way the kernel does not allow
"""
        result = await session.run(TOOLS + send + with_frames)
        assert (result.exit_code, result.outputs) == (137, ())
        assert "16 descriptors" in result.receipt()
        assert psutil.Process().num_fds() < before + 100
        without = "for _ in range(200): sock.sendmsg([raw(b'', sizes=(9, 0))[:1]], rights)\nhang()"
        result = await session.run(TOOLS + send + without)
        assert (result.exit_code in (1, 137), result.state_lost) == (True, True)
        assert psutil.Process().num_fds() < before + 100
        assert (await session.run("1")).value == 1
    assert psutil.Process().num_fds() <= before


async def test_the_host_does_not_wait_for_a_socket_that_it_closes_for_a_guest(live: Live) -> None:
    """Whoever closes the last descriptor of a socket with SO_LINGER waits for what it sends."""
    send = """
listening = socket.create_server(("127.0.0.1", 0))
sent = socket.create_connection(listening.getsockname())
held = listening.accept()[0]
sent.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 12))
sent.setblocking(False)
try:
    while True: sent.send(bytes(1 << 16))
except BlockingIOError: pass
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [sent.fileno()]))]
sock.sendmsg([b"\\xff"], rights)
sent.close()
sock.sendall(b"\\xff" * 100)
hang()
"""
    async with live(timeout=6) as session:
        result = await session.run(TOOLS + send)
        assert (result.exit_code, result.timed_out) == (137, False), "not kept past its limit"
        assert (await session.run("1")).value == 1


async def test_what_cannot_be_written_does_not_come_out_of_a_display(live: Live) -> None:
    half = r"""
body = b'{"\\ud800": ["\\udfff"]}'
display([["a\ud800", "json", len(body)]], body, {"\ud800": [{"a": "\udfff"}]})
done()
"""
    async with live() as session:
        (output,) = (await session.run(TOOLS + half)).outputs
        assert output.metadata == {"\ufffd": [{"a": "\ufffd"}]}
        assert output.data == {"a\ufffd": {"\ufffd": ["\ufffd"]}}


async def test_whoever_never_reads_is_killed_at_the_time_limit_or_when_left(live: Live) -> None:
    deaf = "import threading, signal\nsignal.signal(2, signal.SIG_IGN)\n"
    async with live(timeout=None) as session:
        # The cell ends by its own word; the interpreter goes on and never reads again.
        await session.run(TOOLS + deaf + "done()\nhang()")
        result = await session.run("#" * (8 << 20), timeout=0.3)
        assert (result.timed_out, result.state_lost) == (True, True)
        await session.run(TOOLS + deaf + "done()\nhang()")
        cell = asyncio.create_task(session.run("#" * (8 << 20)))
        await asyncio.sleep(0.2)
        cell.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cell
        assert (await session.run("1")).value == 1


async def test_the_socket_is_not_handed_on_to_programs(policy: Policy, live: Live) -> None:
    code = """
import os, subprocess, sys
look = '''
import os
for fd in range(3, 100):
    try: os.fstat(fd); print(fd)
    except OSError: pass
'''
subprocess.run([sys.executable, "-c", look], close_fds=False, capture_output=True, text=True).stdout
"""
    async with live(policy) as session:
        assert (await session.run(code)).value == ""

"""64 MB of frames of each kind, from a guest that has taken over its session's socket.

``python -m sandcrew.benchmarks.intake.frame_floods NAME`` is one of them, in a host of its own: it
prints by how much that grew, and how it ended.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

from ...sandbox import Policy, Sandbox, branching
from ...sandbox.errors import SandcrewError
from ..growth import measure

_TOOLS = """
import gc, json, os, socket, struct, time
(session,) = [o for o in gc.get_objects() if type(o).__name__ == "Session"]
sock, cell = session._channel.sock, session._cell
def fork():  # without what Python does in a child: it closes the socket
    import ctypes
    return ctypes.CDLL(None).fork()
def raw(header, body=b""):
    return struct.pack(">II", len(header), len(body)) + header + body
def frame(header, body=b""):
    return raw(json.dumps({"fds": 0, "id": cell, **header}).encode(), body)
def flood(one):
    many = one * max((1 << 16) // len(one), 1)
    try:
        for _ in range((64 << 20) // len(many)): sock.sendall(many)
    except OSError: pass
def distinct(size):
    try:
        for i in range((64 << 20) // size):
            sock.sendall(raw(json.dumps({"fds": 0, "op": f"{i}" + "x" * size}).encode()))
    except OSError: pass
DONE = {"op": "done", "exit_code": 0, "kind": "none"}
def display(kind, body, id=cell):
    forms = [["a", kind, len(body)]]
    return frame({"op": "display", "forms": forms, "metadata": {}, "id": id}, body)
def pictures():
    for _ in range(6): sock.sendall(display('binary', bytes(8 << 20)))
"""


@dataclass(frozen=True, slots=True)
class Flood:
    """What is run, and when what it defines as ``attack`` happens."""

    attack: str
    when: str = "cell"


_IN_A_CELL = {
    "words nobody knows": "distinct(500_000)",
    "short words nobody knows": "distinct(10)",
    "frames without a word": "flood(raw(b'{}'))",
    "no id": 'flood(raw(b\'{"op": "done"}\'))',
    "ids of earlier cells": "flood(frame({**DONE, 'id': 0}))",
    "ids of later cells": "flood(frame({**DONE, 'id': cell + 1}))",
    "ids of branches": "flood(frame({'op': 'forked', 'id': 'branch 7'}))",
    "displays": "flood(display('text', b'x'))",
    "pictures": "flood(display('binary', bytes(12 << 20)))",
    "pictures in pairs": "flood(frame({'op': 'display', 'metadata': {}, 'forms': "
    "[['a', 'binary', 6 << 20], ['b', 'binary', 6 << 20]]}, bytes(12 << 20)))",
    "wide texts": "flood(display('text', ('x' * (2 << 20) + '\\U0001f600').encode()))",
    "large texts": "flood(display('text', ('x' * (11 << 20) + '\\u20ac').encode()))",
    "large and wide texts": "flood(display('text', ('x' * (7 << 20) + '\\U0001f600').encode()))",
    "documents": "flood(display('json', b'[' + b'[],' * 100_000 + b'0]'))",
    "displays of earlier cells": "flood(display('binary', bytes(8 << 20), 0))",
    "metadata": "flood(frame({'op': 'display', 'forms': [], 'metadata': {'a': [[]] * 30_000}}))",
    "questions": "flood(frame({'op': 'input', 'prompt': 'x' * 4096}))",
    "bodies nobody wants": "flood(frame({'op': 'input', 'prompt': 'x'}, bytes(32 << 20)))",
    "a body that never ends": "text = raw(b'{}')[8:]\n"
    "sock.sendall(struct.pack('>II', 2, 64 << 20) + text + bytes(60 << 20))",
    "pictures, then a large value": "pictures()\n"
    "sock.sendall(frame({**DONE, 'kind': 'bytes'}, bytes(16 << 20)))",
    "pictures, then a tree": "pictures()\n"
    "sock.sendall(frame({**DONE, 'kind': 'json'}, b'[' + b'[],' * 1_300_000 + b'0]'))",
    "descriptors": "import array\n"
    "rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0] * 16))]\n"
    "one = raw(json.dumps({'op': 'done', 'id': cell, 'fds': 16}).encode())\n"
    "try:\n    while True: sock.sendmsg([one], rights)\nexcept OSError: pass",
}
FLOODS = {
    **{name: Flood(attack) for name, attack in _IN_A_CELL.items()},
    "words between cells": Flood("distinct(500_000)", "between"),
    "displays between cells": Flood("flood(display('binary', bytes(8 << 20)))", "between"),
    "words while a branch is awaited": Flood("distinct(500_000)", "branch"),
    "short words while a branch is awaited": Flood("distinct(10)", "branch"),
    "words of a daemon that stops the interpreter": Flood("distinct(500_000)", "daemon"),
    "displays while a branch is awaited": Flood("flood(display('text', b'x' * 9000))", "branch"),
}
_WHEN = {
    "cell": "{attack}\nwhile True: time.sleep(60)",
    "between": """
if fork() == 0:
    time.sleep(0.3)
    {attack}
    os._exit(0)
""",
    "branch": """
from _sandcrew_guest import forking
def fork_into(namespaces, become):
    {attack}
    while True: time.sleep(60)
forking.fork_into = fork_into
""",
    "daemon": """
if fork() == 0:
    import signal
    time.sleep(0.3)
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(1)
    {attack}
    os._exit(0)
""",
}
_WAIT = 3.0
"""Seconds in which a branch must have come, or the flood is to be over."""


async def _host(flood: Flood) -> str:
    branching.PATIENCE = _WAIT
    indented = flood.attack.replace("\n", "\n    ") if flood.when != "cell" else flood.attack
    code = _TOOLS + _WHEN[flood.when].replace("{attack}", indented)
    async with Sandbox(Policy(memory="1GiB", timeout=_WAIT)) as box, box.session() as session:
        result = await session.run(code)
        said = result.receipt()
        if flood.when == "between":
            await asyncio.sleep(_WAIT)
            said = (await session.run("1")).receipt()
        elif flood.when != "cell":
            await asyncio.sleep(0.5)
            try:
                async with session.branch():
                    said = "there was a branch"
            except SandcrewError as error:
                said = str(error)
        del result
    return said


async def _warm_up() -> None:
    async with Sandbox(Policy()) as box, box.session() as session, session.branch() as branch:
        await branch.run("display(1)\n[1]")


def main(name: str) -> None:
    """Be the host of this flood."""
    asyncio.run(_warm_up())
    grown = measure(lambda: asyncio.run(_host(FLOODS[name])))
    print(grown.bytes, grown.value)


if __name__ == "__main__":
    main(sys.argv[1])

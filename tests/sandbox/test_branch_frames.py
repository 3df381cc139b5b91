"""What is said while a branch is made: by an interpreter that lies, and by the host to one."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from sandcrew.sandbox import BackendError, Policy, Sandbox, UsageError, branching, live

if TYPE_CHECKING:
    from pathlib import Path


# --- what the host sends ---

NUMBERS = """
import array, gc, json, os, socket, struct, time
(session,) = [o for o in gc.get_objects() if type(o).__name__ == "Session"]
sock, cell = session._channel.sock, session._cell
def done(number):
    header = json.dumps({"fds": 0, "id": number, "op": "done", "exit_code": 0, "kind": "none"})
    sock.sendall(struct.pack(">II", len(header), 0) + header.encode())
done(cell)
sock.recv(10)  # of the next one
done(cell + 1)
while not os.path.exists("go"): time.sleep(0.01)
sock.settimeout(1)
names = []
try:
    while True:
        _, rights, _, _ = sock.recvmsg(1 << 20, socket.CMSG_SPACE(64))
        for _, _, data in rights:
            names += [os.readlink(f"/proc/self/fd/{fd}") for fd in array.array("i", data)]
except TimeoutError: pass
with open("unfinished", "w") as file: json.dump(names, file)
os.rename("unfinished", "names")
"""


async def test_a_fork_that_was_given_up_while_its_frame_waited_gets_no_other_files(
    tmp_path: Path,
) -> None:
    """The numbers of the descriptors that were to go with it are those of other files by then."""
    tmp_path.chmod(0o777)
    (tmp_path / "big").write_bytes(b"x" * (3 << 20))
    async with Sandbox(Policy(workdir=tmp_path, disk="2MiB", timeout=20)) as box:
        session = box.session()
        assert (await session.run(NUMBERS)).exit_code == 0
        assert (await session.run("#" * (8 << 20))).exit_code == 0, "not read, and said to be done"
        with pytest.raises(UsageError, match="big cannot be copied"):
            await session.branch().start()
        with contextlib.ExitStack() as stack:
            for _ in range(30):
                stack.enter_context((tmp_path / "big").open())
            (tmp_path / "go").touch()
            while not (tmp_path / "names").exists():
                await asyncio.sleep(0.01)
        assert (tmp_path / "names").read_text() == "[]"
        await session.close()


# --- what it says ---

SAYS = """
from _sandcrew_guest import forking
import gc, json, struct, sys, time
(session,) = [o for o in gc.get_objects() if type(o).__name__ == "Session"]
sock = session._channel.sock
def frame(header):
    header = json.dumps({{"fds": 0, "id": asked, **header}}).encode()
    sock.sendall(struct.pack(">II", len(header), 0) + header)
def fork_into(namespaces, become):
    global asked
    asked = sys._getframe(2).f_locals["header"]["id"]
    {what}
    time.sleep(3600)
forking.fork_into = fork_into
"""
LIES = {
    'frame({"op": "ready"})': "it said 'ready', for which nobody waits",
    'frame({"op": "refused", "why": "no wish"})': "no wish",
    'sock.sendall(b"\\xff" * 100)': "did not begin",
    "sock.close()": "did not begin",
    'frame({"op": ["ready"]})': "for which nobody waits",
    'frame({"op": "admitted"}); frame({"op": "furnished"})': "it said 'admitted', for which nobody",
    'while True: frame({"op": "display", "forms": "x" * 500_000})': "'id' is no such number",
    'frame({"op": "forked"}); frame({"op": "forked"})': "it said 'forked' twice",
    'while True: frame({"op": "x" * 500_000})': "for which nobody waits",
    'while True: frame({"op": "refused", "why": "", "id": "branch 0"})': "more than",
    'while True: frame({"op": "done", "exit_code": 0, "kind": "none", "id": 1})': "more than",
}


@pytest.mark.parametrize("what", LIES)
async def test_whatever_an_interpreter_says_when_it_is_to_fork_there_is_an_end_and_an_error(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branching, "PATIENCE", 1.0)
    monkeypatch.setattr(live, "_FAREWELL", 0.1)
    before = psutil.Process().num_fds()
    async with Sandbox(Policy(timeout=20)) as box:
        async with box.session() as session:
            await session.run(SAYS.format(what=what))
            with pytest.raises((BackendError, UsageError), match=LIES[what]):
                await session.branch().start()
        async with box.session() as session:
            assert (await session.run("1")).value == 1
    assert psutil.Process().num_fds() <= before + 1


async def test_a_guest_that_stands_still_does_not_keep_the_caller_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(branching, "PATIENCE", 0.5)
    async with Sandbox(Policy(timeout=20)) as box, box.session() as session:
        await session.run("x = 1")
        assert session._live is not None
        session._live.guest._signal(signal.SIGSTOP)
        with pytest.raises(BackendError, match="not there within"):
            await session.branch().start()

"""The way into a branch, attacked by the interpreter that is to be forked.

Each of these was let in before there was a guard against it; the fork of an honest interpreter is
what all other tests of branches begin with.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
import signal
import subprocess

import psutil
import pytest

from sandcrew.sandbox import BackendError, UsageError, guests
from sandcrew.sandbox.guest import admission

from .sessions import a_session

STAY_IN_GROUP = """
import os, signal
os.setsid = lambda: None
heard = []
signal.signal(signal.SIGUSR1, lambda *_: heard.append("a signal"))
if os.fork() == 0:
    os.kill(0, signal.SIGUSR1)
    os._exit(0)
os.wait()
heard
"""


NAME_ITSELF = "import ctypes; ctypes.CDLL(None).prctl(15, {!r})"


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a:b", b"State:\tT"])
async def test_an_interpreter_of_any_name_can_be_branched(name: bytes) -> None:
    async with a_session() as session:
        assert (await session.run(NAME_ITSELF.format(name))).exit_code == 0
        async with session.branch() as branch:
            assert (await branch.run("6 * 7")).value == 42


async def test_a_fork_in_the_process_group_of_its_parent_is_not_admitted() -> None:
    """kill(0, ...) reaches the whole group, also what is outside of the pid namespace."""
    async with a_session() as session:
        assert (await session.run(STAY_IN_GROUP)).value == ["a signal"]
        with pytest.raises(UsageError, match="process group"):
            await session.branch().start()
        assert (await session.run("heard")).value == ["a signal"]


SHARE_MEMORY = """
from _sandcrew_guest import forking, kernel
import ctypes, mmap, os
libc, kept = ctypes.PyDLL(None, use_errno=True), []
def clone(function):
    stack = mmap.mmap(-1, 8 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    callback = ctypes.CFUNCTYPE(ctypes.c_int)(function)
    kept.extend([stack, callback])
    top = ctypes.addressof(ctypes.c_char.from_buffer(stack)) + len(stack) - 64
    libc.clone(callback, ctypes.c_void_p(top), 0x4100 | 17, None)
    os.wait()
def below(function):
    return clone(function) or 0
seen = []
clone(lambda: below(lambda: seen.append("from inside") or 0))
def fork_into(namespaces, become):
    def ahead():
        for namespace in namespaces[:-1]: kernel.setns(namespace, 0)
        return below(become)
    clone(ahead)
forking.fork_into = fork_into
seen
"""


async def test_a_fork_that_shares_the_memory_of_its_parent_does_not_get_in() -> None:
    """Nothing in /proc tells: all it has mapped is private, to both together."""
    async with a_session() as session:
        result = await session.run(SHARE_MEMORY)
        assert result.value == ["from inside"], result.output
        with pytest.raises((BackendError, UsageError), match=r"begin|branched"):
            await session.branch().start()


LINGER = """
from _sandcrew_guest import forking, kernel
import os, time
def fork_into(namespaces, become):
    if os.fork() == 0:
        for namespace in namespaces[:-1]: kernel.setns(namespace, 0)
        if os.fork() == 0: become()
        time.sleep({seconds})
        os._exit(0)
    os.wait()
forking.fork_into = fork_into
"""


@pytest.mark.parametrize(("seconds", "gets_in"), [(0, True), (20, False)])
async def test_who_goes_ahead_must_end_before_its_fork_gets_in(seconds: int, gets_in: bool) -> None:
    """It could fork into the branch later, with all that its parent has open."""
    async with a_session() as session:
        await session.run(LINGER.format(seconds=seconds))
        if gets_in:
            async with session.branch() as branch:
                assert (await branch.run("1 + 1")).value == 2
            return
        with pytest.raises(UsageError, match="setns"):
            await session.branch().start()


FOSTER = """
from _sandcrew_guest import forking, kernel
import ctypes, os, time
def fork_into(namespaces, become):
    if os.fork() == 0:
        adopt = ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
        if os.fork() == 0:
            for namespace in namespaces[:-1]: kernel.setns(namespace, 0)
            if os.fork() == 0: become()
            os._exit(0)
        time.sleep(3600)
forking.fork_into = fork_into
"""


async def test_a_fork_that_a_process_of_its_parent_would_have_to_reap_does_not_get_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If that one did not, the branch could not end, as this one cannot before its session."""
    monkeypatch.setattr(guests, "_DEATH", 0.2)
    async with a_session() as session:
        await session.run(FOSTER)
        with pytest.raises(UsageError, match="setns"):
            await session.branch().start()


EXCHANGE = """
from _sandcrew_guest import forking, kernel
import os, sys, threading
sys.setswitchinterval(1e-6)
def own():
    return [os.readlink(f"/proc/thread-self/ns/{{name}}") for name in ("net", "uts")]
def attack(net, uts, threads):
    before, hole, stop = own(), os.dup(uts), []
    def exchange():
        while not stop:
            os.dup2(uts, hole), os.dup2(net, hole)
    others = [threading.Thread(target=exchange) for _ in range(threads)]
    for other in others: other.start()
    for _ in range(300):
        try: kernel.setns(hole, 0)
        except OSError: pass
        if own() != before: break
    stop.append(True)
    for other in others: other.join()
    return own() != before
def fork_into(namespaces, become):
    if os.fork() == 0:
        user, _, _, _, uts, _, net, _ = namespaces
        kernel.setns(user, 0)
        with open("answer", "w") as file: file.write(repr(attack(net, uts, {threads})))
        os._exit(0)
    os.wait()
    raise OSError("no fork")
forking.fork_into = fork_into
"""


@pytest.mark.parametrize("threads", [0, 1])
async def test_a_descriptor_cannot_be_exchanged_between_look_and_step(threads: int) -> None:
    """Without another thread to do it, the step is allowed."""
    async with a_session() as session:
        await session.run(EXCHANGE.format(threads=threads))
        with pytest.raises(UsageError, match="no fork"):
            await session.branch().start()
        assert (await session.run("open('answer').read()")).value == str(threads == 0)


LEAD_BACK = """
from _sandcrew_guest import forking
import os, time
os.mkdir("d")
with open("d/real", "w") as file: file.write("parent")
os.symlink("/proc/2/fd/77", "d/shown")
fork_into = forking.fork_into
def fork_later(namespaces, become):
    time.sleep(0.3)  # the files are copied by then, with the link
    os.rename("d/real", "d/shown")
    fd = os.open("d/shown", os.O_RDWR)
    {keep}
    os.close(fd)
    fork_into(namespaces, become)
forking.fork_into, forking.open_files = fork_later, lambda own: []
"""


@pytest.mark.parametrize("keep", ["os.dup2(fd, 77)", "pass"])
async def test_a_file_of_its_parent_cannot_be_shown_as_one_of_the_branch(keep: str) -> None:
    """A link in the branch leads to the descriptor in question."""
    async with a_session() as session:
        made = await session.run(LEAD_BACK.format(keep=keep))
        assert made.exit_code == 0, made.output
        if keep == "pass":
            async with session.branch() as branch:
                assert (await branch.run("os.path.islink('d/shown')")).value is True
            return
        with pytest.raises(UsageError, match="d/shown is open"):
            await session.branch().start()


@pytest.mark.parametrize("goes_on", [False, True])
def test_who_went_on_while_it_was_to_stand_still_is_found_out(goes_on: bool) -> None:
    """What its parent left running can send it SIGCONT, and SIGSTOP again."""

    def look(pid: int) -> None:
        with admission.standing_still(pid):
            if goes_on:
                os.kill(pid, signal.SIGCONT)
                while psutil.Process(pid).status() == psutil.STATUS_STOPPED:
                    pass
                os.kill(pid, signal.SIGSTOP)
                while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
                    pass

    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            if goes_on:
                with pytest.raises(OSError, match="went on"):
                    look(process.pid)
            else:
                look(process.pid)
        finally:
            process.kill()


KEEP = """
from _sandcrew_guest import forking, kernel
import ctypes, errno, json, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def step(function, *args):
    ctypes.set_errno(0)
    try: failed = function(*args) == -1
    except OSError as error: return errno.errorcode[error.errno]
    return errno.errorcode[ctypes.get_errno()] if failed else "done"
def steps():
    with open("/proc/thread-self/status") as file:
        (powers,) = (line.split()[1] for line in file if line.startswith("CapEff"))
    return int(powers, 16) > 0, [
        step(libc.mount, b"x", b"/tmp", b"tmpfs", 0, None),
        step(libc.unshare, 0x10000000),
        step(libc.unshare, 0x40000000),
        step(libc.sethostname, b"x", 1),
        step(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 12),
        step(socket.socket, socket.AF_PACKET, socket.SOCK_RAW),
        step(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1),
        step(open, "/proc/sys/net/ipv4/ip_forward", "w"),
        step(os.listdir, "/proc/1/fd"),
    ]
def fork_into(namespaces, become):
    if os.fork() == 0:
        kernel.setns(namespaces[0], 0)
        with open("steps", "w") as file: json.dump(steps(), file)
        os._exit(0)
    os.wait()
    raise OSError("no fork")
forking.fork_into = fork_into
steps()
"""


async def test_who_keeps_the_capabilities_of_a_branch_can_do_no_more_with_them() -> None:
    async with a_session() as session:
        has, without = (await session.run(KEEP)).value
        assert not has
        with pytest.raises(UsageError, match="no fork"):
            await session.branch().start()
        result = await session.run("json.load(open('steps'))")
        assert result.value == [True, without]
        assert "done" not in without

"""The way into a branch, attacked by the interpreter that is to be forked.

Each of these was let in before there was a guard against it; the fork of an honest interpreter is
what all other tests of branches begin with.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from sandcrew.sandbox import BackendError, Policy, Sandbox, Session, UsageError, guests

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@asynccontextmanager
async def a_session(policy: Policy | None = None) -> AsyncGenerator[Session, None]:
    async with Sandbox(policy or Policy(timeout=20)) as box, box.session() as session:
        yield session


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

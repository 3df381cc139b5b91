"""The walls of branches, attacked by interpreters that are not ours any more."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import contextlib
import os
import types
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from sandcrew.sandbox import (
    BackendError,
    Policy,
    Sandbox,
    Session,
    UsageError,
    branching,
    launcher,
    layers,
)
from sandcrew.sandbox.cgroup import find_cgroups
from sandcrew.sandbox.guest import kernel
from sandcrew.sandbox.guest.handles import namespaces
from sandcrew.sandbox.landlock_room import LandlockRoom
from sandcrew.sandbox.namespace_room import NamespaceRoom
from sandcrew.sandbox.zygote import Terms

from .sessions import a_session

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator


# --- the fork ---

NAMESPACES = namespaces(host_network=False)
STAY = """
from _sandcrew_guest import kernel
enter, names = kernel.setns, {names}
def setns(fd, kind):
    if names.pop(0) != {name!r}: enter(fd, kind)
kernel.setns = setns
"""


@pytest.mark.parametrize("name", [name for name in NAMESPACES if name != "user"])
async def test_a_fork_that_stays_in_a_namespace_of_its_parent_is_not_admitted(name: str) -> None:
    """In its parent's network it could talk to it, and to siblings that stay there too."""
    async with a_session() as session:
        made = await session.run(STAY.format(names=list(NAMESPACES), name=name))
        assert made.exit_code == 0, made.output
        with pytest.raises(UsageError, match="cannot be branched"):
            await session.branch().start()


LATE = """
import os, time
from _sandcrew_guest import forking, kernel
def fork_into(namespaces, become):
    kept = os.dup(namespaces[0])
    if os.fork() == 0:
        while not os.path.exists("late"): time.sleep(0.01)
        try: kernel.setns(kept, 0)
        except OSError as error: answer = str(error.errno)
        else: answer = "entered"
        with open("unfinished", "w") as file: file.write(answer)
        os.rename("unfinished", "answer")
        time.sleep(60)
    raise OSError("no fork")
forking.fork_into = fork_into
"""
ANSWER = """
open("late", "w").close()
while not os.path.exists("answer"): time.sleep(0.01)
open("answer").read()
"""


async def test_the_way_into_a_branch_that_was_given_up_is_closed() -> None:
    async with a_session() as session:
        await session.run(LATE)
        with pytest.raises(UsageError, match="no fork"):
            await session.branch().start()
        assert (await session.run(ANSWER, timeout=10)).value == "1", "EPERM"


SHARE = """
import ctypes, os, threading
libc = ctypes.PyDLL(None, use_errno=True)
def clone(flags):
    pid = libc.syscall({number}, ctypes.c_long(flags | 17), 0, 0, 0, 0)
    if pid == 0: os._exit(0)
    if pid > 0: os.waitpid(pid, 0)
    return pid > 0
thread = threading.Thread(target=print); thread.start(); thread.join()
import subprocess
assert subprocess.run(["true"]).returncode == 0
[clone(0), clone(0x100), clone(0x200), clone(0x400)]
"""


async def test_processes_cannot_share_memory_folder_or_descriptors_with_each_other() -> None:
    """One in a branch could be given all that its parent opens later."""
    number = 220 if os.uname().machine == "aarch64" else 56
    async with a_session() as session:
        result = await session.run(SHARE.format(number=number))
    assert result.value == [True, False, False, False], result.output


# --- who makes a branch ---

SPY = """
import os, time
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 100)
    tried, reached = 0, []
    with open("report", "w", buffering=1) as report:
        while not os.path.exists("stop"):
            for pid in os.listdir("/proc"):
                try:
                    if "Seccomp_filters:\\t1\\n" not in open(f"/proc/{pid}/status").read(): continue
                    tried += 1
                    os.close(os.open(f"/proc/{pid}/environ", os.O_RDONLY))
                    reached.append(pid)
                except OSError: pass
        report.write(f"{tried > 0} {len(reached) > 0}")
    os.rename("report", "done")
    os._exit(0)
"""
WAIT = """
import os, time
open("stop", "w")
while not os.path.exists("done"): time.sleep(0.01)
open("done").read()
"""


async def _spied(session: Session) -> Any:
    await session.run(SPY)
    for _ in range(10):
        async with session.branch():
            pass
    return (await session.run(WAIT)).value


async def test_who_makes_a_branch_is_out_of_reach_while_it_has_capabilities() -> None:
    async with a_session() as session:
        assert await _spied(session) == "True False"


@pytest.fixture
def no_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guests as on a kernel without it, and branches all the same."""
    configure = launcher._LocalZygote._config

    async def config(self: Any, *args: Any) -> dict[str, Any]:
        return {**await configure(self, *args), "landlock": 0}

    monkeypatch.setattr(launcher._LocalZygote, "_config", config)

    def with_branches(**more: Any) -> Terms:
        more["branches"] = "namespaces"
        return Terms(**more)

    monkeypatch.setattr(launcher, "Terms", with_branches)


@pytest.mark.usefixtures("no_landlock")
async def test_without_landlock_it_would_be_in_reach() -> None:
    async with a_session() as session:
        assert await _spied(session) == "True True"


async def test_without_landlock_a_branch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "landlock_abi", lambda: 0)
    async with a_session(Policy(allow_missing=["landlock"])) as session:
        assert (await session.run("1")).value == 1
        with pytest.raises(UsageError, match="Landlock"):
            await session.branch().start()


# --- limits ---

HOLD = "held = b'x' * ({} << 20)\nimport time; time.sleep(0.2)"


async def test_where_no_cgroup_counts_each_branch_is_watched_for_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layers, "find_cgroups", lambda: None)
    async with a_session(Policy(memory="200MiB", timeout=20)) as session:
        await session.run("import os, time")
        async with session.branches(3) as branches:
            for one in branches:
                assert not (await one.run(HOLD.format(80))).state_lost
            assert not (await session.run("time.sleep(0.2)")).state_lost, "its own is little"
            fork = "for _ in range(3):\n if os.fork() == 0:\n  " + HOLD.format(90)
            result = await branches[0].run(fork.replace("\nimport", "; import") + "\ntime.sleep(9)")
            assert (result.state_lost, result.limit_hit) == (True, "memory")
            assert (await branches[1].run("len(held)")).value == 80 << 20
        assert (await session.run("1")).value == 1


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a:b"])
async def test_where_no_cgroup_counts_processes_of_any_name_are_watched(
    monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    monkeypatch.setattr(layers, "find_cgroups", lambda: None)
    async with a_session(Policy(memory="100MiB", timeout=20)) as session:
        code = f"import ctypes, time; ctypes.CDLL(None).prctl(15, {name!r}); time.sleep(0.2)"
        assert (await session.run(code)).exit_code == 0
        fork = "import os\nfor _ in range(3):\n if os.fork() == 0:\n  " + HOLD.format(50)
        result = await session.run(fork.replace("\nimport", "; import") + "\ntime.sleep(9)")
        assert (result.state_lost, result.limit_hit) == (True, "memory")


HYDRA = """
import subprocess
for _ in range(20): subprocess.Popen(["sh", "-c", "h() { h & }; h"])
"""


def _shells() -> int:
    found = 0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found += child.name() == "sh"
    return found


async def test_what_forks_faster_than_it_is_killed_ends_with_its_session_not_its_branches() -> None:
    async with Sandbox(Policy(timeout=20, processes=1000)) as box:
        session = box.session()
        await session.run("x = 1")
        async with session.branch() as branch:
            assert (await session.run(HYDRA)).exit_code == 0
            assert _shells()
            await session.close()
            assert not _shells()
            result = await branch.run("import ctypes; ctypes.CDLL(None).unshare(0); x", timeout=10)
            assert result.value == 1
            assert [denial.subject for denial in result.denials] == ["unshare"], "it is heard"


# --- how many, how deep, beside what ---


async def test_more_branches_live_at_once_than_a_session_may_have_processes() -> None:
    """Where no cgroup counts, those of branches count for the session as well."""
    processes = 20 if find_cgroups() else 200
    async with a_session(Policy(processes=processes)) as session:
        await session.run("x = 1")
        branches = [session.branch() for _ in range(50)]
        await asyncio.gather(*(branch.start() for branch in branches))
        results = await asyncio.gather(*(branch.run("x") for branch in branches))
        assert {result.value for result in results} == {1}
        await asyncio.gather(*(branch.close() for branch in branches))
        assert (await session.run("x")).value == 1


async def test_branches_of_branches_end_with_a_clear_word_where_the_kernel_has_no_more() -> None:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(a_session())
        await session.run("x = 1")

        async def go_deeper() -> None:
            nonlocal session
            while True:
                session = await stack.enter_async_context(session.branch())

        with pytest.raises(BackendError, match="branches of branches"):
            await go_deeper()
        assert (await session.run("x")).value == 1


async def test_beside_the_network_of_the_host_there_are_branches() -> None:
    async with a_session(Policy(network="host")) as session:
        await session.run("import os\nx = os.readlink('/proc/self/ns/net')")
        async with session.branch() as branch:
            assert (await branch.run("x == os.readlink('/proc/self/ns/net')")).value is True


# --- given up half-way ---


class Waits:
    """Counts how often something waits, and cancels ``task`` at one of these times."""

    def __init__(self, fatal: int) -> None:
        self.count = 0
        self.task: asyncio.Task[Any] | None = None
        self._fatal = fatal

    @types.coroutine
    def of(self, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        error: BaseException | None = None
        while True:
            try:
                future = work.send(None) if error is None else work.throw(error)
            except StopIteration as stop:
                return stop.value
            self.count += 1
            if self.count == self._fatal and self.task is not None:
                asyncio.get_running_loop().call_soon(self.task.cancel)
            try:
                error = None
                yield future
            except BaseException as raised:
                error = raised


def _counted(step: Callable[..., Any], waits: Callable[[], Waits]) -> Callable[..., Any]:
    return lambda *args, **more: waits().of(step(*args, **more))


async def test_a_branch_can_be_given_up_at_each_of_its_steps_and_nothing_is_left(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Waits(0)
    for place, name in (
        (branching, "_furnish"),
        (branching, "_fork"),
        (NamespaceRoom, "admit"),
        (LandlockRoom, "admit"),
        (branching, "branch"),
    ):
        monkeypatch.setattr(place, name, _counted(getattr(place, name), lambda: waits))
    async with a_session(policy) as session:
        await session.run("x = 1")
        before = await _left(session)
        fatal = 0
        for fatal in range(1, 100):
            waits = Waits(fatal)
            branch = session.branch()
            waits.task = asyncio.ensure_future(branch.start())
            await asyncio.wait([waits.task])
            await branch.close()
            assert await _left(session, before) == before, f"cancelled at its wait {fatal}"
            if waits.count < fatal:
                break
        assert fatal > 5, "there were steps to be cancelled at"
        assert (await session.run("x")).value == 1


async def _left(session: Session, wanted: tuple[int, int] | None = None) -> tuple[int, int]:
    """How many descriptors and processes there are, once it is ``wanted``, or settled."""
    assert session._live is not None
    session._live.rooms.clear()
    me = psutil.Process()
    found: list[tuple[int, int]] = []
    for _ in range(200):
        found.append((me.num_fds(), len(me.children(recursive=True))))
        if found[-1] == wanted or (wanted is None and found[-20:].count(found[-1]) == 20):
            break
        await asyncio.sleep(0.01)
    return found[-1]


# --- what can be written ---

WRITABLE = """
import os
def can(action, *args):
    try: return action(*args) is None
    except OSError: return False
def make(path):
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    os.rename(path, path + "2")
    os.unlink(path + "2")
found = []
for top, folders, files in os.walk("/"):
    if top == "/proc": folders[:] = ["sys"]
    if top.count("/") > 4: folders[:] = []
    if can(make, top + "/.new"): found.append(top)
    for path in (os.path.join(top, name) for name in files):
        write = lambda: os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        change = lambda: os.chmod(path, os.stat(path).st_mode)
        if not os.path.islink(path) and (can(write) or can(change)): found.append(path)
print(sorted(path for path in found if not path.startswith("/tmp/")))
"""


async def test_a_session_and_a_branch_can_write_what_a_run_can_and_nothing_else() -> None:
    """Landlock leaves writing to the mounts there."""
    async with Sandbox(Policy(timeout=60, output=1 << 20)) as box, box.session() as session:
        alone = (await box.run(WRITABLE)).output
        assert "'/workspace'" in alone
        assert (await session.run(WRITABLE)).output == alone
        async with session.branch() as branch:
            assert (await branch.run(WRITABLE)).output == alone

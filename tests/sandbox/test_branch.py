"""Branches: forks of a live interpreter, and the walls between them and what they came from."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from sandcrew.sandbox import Policy, Sandbox, UsageError
from sandcrew.sandbox.cgroup import find_cgroups

from .sessions import a_session

if TYPE_CHECKING:
    from pathlib import Path


# --- what a branch is ---


async def test_a_branch_goes_on_from_the_state_of_its_parent(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("x = 41\ndef f(): return x + 1")
        async with session.branch() as branch:
            assert (await branch.run("f()")).value == 42


async def test_what_a_branch_does_is_not_seen_by_its_parent_or_by_siblings(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("x = [1]; open('f.txt', 'w').write('parent')")
        async with session.branches(2) as (one, other):
            await one.run("x.append(2); open('f.txt', 'w').write('one'); open('new', 'w')")
            see = "import os\n(x, open('f.txt').read(), sorted(os.listdir()))"
            assert (await one.run(see)).value == [[1, 2], "one", ["f.txt", "new"]]
            assert (await other.run(see)).value == [[1], "parent", ["f.txt"]]
            assert (await session.run(see)).value == [[1], "parent", ["f.txt"]]


async def test_the_parent_goes_on_undisturbed(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("x = 1")
        async with session.branch() as branch:
            await session.run("x = 2; open('late', 'w')")
            assert (await branch.run("import os; (x, os.listdir())")).value == [1, []]


async def test_a_branch_can_be_branched(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("path = ['root']")
        async with session.branch() as child:
            await child.run("path.append('child')")
            async with child.branches(2) as (grandchild, _):
                await grandchild.run("path.append('grandchild')")
                assert (await grandchild.run("path")).value == ["root", "child", "grandchild"]
            assert (await child.run("path")).value == ["root", "child"]


async def test_a_branch_outlives_the_session_it_came_from(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        session = box.session()
        await session.run("x = 7")
        async with session.branch() as branch:
            await session.close()
            assert (await branch.run("x")).value == 7


async def test_a_branch_outlives_the_crash_of_its_parent(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("x = 7")
        async with session.branch() as branch:
            assert (await session.run("import os; os._exit(3)")).exit_code == 3
            assert (await branch.run("x")).value == 7
            assert (await session.run("'x' in globals()")).value is False


async def test_the_crash_of_a_branch_is_told_and_stays_its_own(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("x = 1")
        async with session.branch() as branch:
            result = await branch.run("import os; os._exit(7)")
            assert (result.exit_code, result.state_lost) == (7, True)
            with pytest.raises(UsageError, match="make another branch"):
                await branch.run("x")
        assert (await session.run("x")).value == 1


async def test_branches_have_random_numbers_of_their_own(policy: Policy) -> None:
    numpy = policy.profile == "namespaces"  # else it may be another interpreter, without it
    async with a_session(policy.replace(preload=["numpy"] if numpy else [])) as session:
        await session.run("import random, uuid, os" + ", numpy" * numpy)
        draw = "(random.random(), uuid.uuid4().hex, float(numpy.random.rand()))"
        draw = draw if numpy else "(random.random(), uuid.uuid4().hex)"
        async with session.branches(3) as branches:
            drawn = [(await branch.run(draw)).value for branch in (*branches, session)]
        for kind in zip(*drawn, strict=True):
            assert len(set(kind)) == 4, kind


async def test_a_branch_has_its_own_time_limit_and_can_be_interrupted(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("x = 1")
        async with session.branch() as branch:
            result = await branch.run("import time; time.sleep(60)", timeout=0.2)
            assert (result.timed_out, result.state_lost) == (True, False)
            assert (await branch.run("x")).value == 1


async def test_a_branch_that_does_not_obey_is_killed_and_nothing_else(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("import time")
        async with session.branch() as branch:
            stubborn = "while True:\n  try: time.sleep(60)\n  except KeyboardInterrupt: pass"
            result = await branch.run(stubborn, timeout=0.2)
            assert (result.timed_out, result.state_lost) == (True, True)
        assert (await session.run("1")).value == 1


async def test_a_parent_that_is_killed_leaves_its_branches_alive(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("import time; x = 5")
        async with session.branch() as branch:
            stubborn = "while True:\n  try: time.sleep(60)\n  except KeyboardInterrupt: pass"
            assert (await session.run(stubborn, timeout=0.2)).state_lost
            assert (await branch.run("x")).value == 5


async def test_branches_run_at_the_same_time(policy: Policy) -> None:
    meet = """
import time
open("here", "w")
time.sleep(0.2)
"""
    async with a_session(policy) as session:
        await session.run("x = 1")
        async with session.branches(4) as branches:
            results = await asyncio.gather(*(branch.run(meet + "x") for branch in branches))
    assert [result.value for result in results] == [1] * 4


async def test_open_files_go_on_where_they_were_each_in_its_own_copy(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("f = open('log', 'w+'); f.write('one\\n'); f.flush()")
        async with session.branch() as branch:
            await branch.run("f.write('two\\n'); f.flush()")
            await session.run("f.write('2\\n'); f.flush()")
            read = "f.seek(0); f.read()"
            assert (await branch.run(read)).value == "one\ntwo\n"
            assert (await session.run(read)).value == "one\n2\n"


async def test_files_of_a_branch_are_read_and_written_from_outside(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.write_file("in.csv", "1")
        async with session.branch() as branch:
            await branch.write_file("in.csv", "2")
            result = await branch.run("open('out', 'w').write(open('in.csv').read())")
            assert [artifact.path for artifact in result.artifacts] == ["out"]
            assert await branch.read_file("out") == b"2"
        assert await session.read_file("in.csv") == b"1"
        assert [file.path for file in await session.list_files()] == ["in.csv"]


async def test_the_callers_folder_is_copied_for_a_branch(policy: Policy, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("callers")
    async with a_session(policy.replace(workdir=tmp_path)) as session, session.branch() as branch:
        result = await branch.run("open('data').read(), open('data', 'w').write('branch')")
        assert result.value == ["callers", 6], result.output
    assert (tmp_path / "data").read_text() == "callers"


async def test_top_level_await_works_in_a_branch_after_it_did_in_the_parent(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("import asyncio\nawait asyncio.sleep(0)")
        async with session.branch() as branch:
            assert (await branch.run("await asyncio.sleep(0, 3)")).value == 3
        assert (await session.run("await asyncio.sleep(0, 4)")).value == 4


async def test_a_branch_has_a_way_out_of_its_own_where_hosts_are_allowed(policy: Policy) -> None:
    code = """
import os, urllib.request
try: urllib.request.urlopen("http://refused.example/")
except Exception as error: print(error)
"""
    async with a_session(policy.replace(network=["allowed.example:80"])) as session:
        await session.run("x = 1")
        async with session.branch() as branch:
            result = await branch.run(code)
            assert [denial.subject for denial in result.denials] == ["refused.example:80"]
        assert (await session.run("x")).denials == ()


# --- what cannot be branched ---


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import threading, time\nthreading.Timer(9, print).start()", "threads"),
        ("import socket\na, b = socket.socketpair()", "socket:"),
        ("import os\nr, w = os.pipe()", "pipe:"),
        ("import mmap\nm = mmap.mmap(-1, 4096); m[0] = 1", "shares memory"),
        ("import os\nfd = os.eventfd(0)", "eventfd"),
        ("f = open('gone', 'w')\nimport os\nos.remove('gone')", "gone"),
        ("import os\nos.mkdir('d'); os.chdir('d'); os.rmdir('../d')", "No such file"),
        ("import threading\nthreading.enumerate = None", "not callable"),
        ("import asyncio\nt = asyncio.get_event_loop_policy().new_event_loop()", "descriptor"),
    ],
)  # fmt: skip
async def test_what_would_be_shared_is_refused_by_name(policy: Policy, code: str, why: str) -> None:
    async with a_session(policy) as session:
        await session.run("x = 1")
        made = await session.run(code)
        assert made.exit_code == 0, made.output
        with pytest.raises(UsageError, match=f"cannot be branched: .*{why}"):
            await session.branch().start()
        assert (await session.run("x")).value == 1


async def test_what_the_parent_says_late_of_a_branch_that_failed_is_not_of_the_next_cell(
    policy: Policy,
) -> None:
    """Its word that it has forked comes when the fork has given up, and a cell waits."""
    slow = """
from _sandcrew_guest import forking
import time
fork_into = forking.fork_into
def fork_slowly(*args):
    fork_into(*args)
    time.sleep(0.3)
def refuse(*args):
    raise OSError("it does not fit")
forking.fork_into, forking.settle = fork_slowly, refuse
"""
    async with a_session(policy) as session:
        await session.run(slow)
        for _ in range(3):  # numbers of cells and of branches meet
            with pytest.raises(UsageError, match="it does not fit"):
                await session.branch().start()
            assert (await session.run("1 + 1")).value == 2


async def test_a_refusal_that_comes_late_is_not_of_the_next_branch(policy: Policy) -> None:
    """The first is given up while its parent is slow to refuse it."""
    slow = """
from _sandcrew_guest import forking
import time
check_threads = forking.check_threads
def refuse_slowly():
    forking.check_threads = check_threads
    time.sleep(0.5)
    raise OSError("the first one")
forking.check_threads = refuse_slowly
"""
    async with a_session(policy) as session:
        await session.run(slow)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await session.branch().start()
        async with session.branch() as branch:
            assert (await branch.run("1 + 1")).value == 2


async def test_a_branch_that_was_refused_can_be_begun_when_the_reason_is_gone() -> None:
    async with Sandbox(Policy(timeout=20)) as box, box.session() as session:
        await session.run("import os; r, w = os.pipe()")
        branch = session.branch()
        with pytest.raises(UsageError, match="pipe"):
            await branch.start()
        await session.run("os.close(r); os.close(w)")
        async with branch:
            assert (await branch.run("1")).value == 1


async def test_waiting_tasks_are_refused(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run(
            "import asyncio\nt = asyncio.create_task(asyncio.sleep(9))\nawait asyncio.sleep(0)"
        )
        with pytest.raises(UsageError, match="tasks are waiting"):
            await session.branch().start()


async def test_without_namespaces_a_branch_of_a_branch_is_refused(landlock_policy: Policy) -> None:
    async with a_session(landlock_policy) as session, session.branch() as branch:
        assert (await branch.run("1")).value == 1
        with pytest.raises(UsageError, match=r"namespaces.*Branch its session"):
            await branch.branch().start()
        assert (await branch.run("2")).value == 2


async def test_a_workspace_that_does_not_fit_is_refused(policy: Policy, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (3 << 20))
    async with a_session(policy.replace(workdir=tmp_path, disk="2MiB")) as session:
        with pytest.raises(UsageError, match="cannot be branched: /workspace/big"):
            await session.branch().start()
        assert (await session.run("1")).value == 1


# --- the walls ---

LOOK_AROUND = """
import os
pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
pids, os.getpid()
"""


async def test_a_branch_sees_no_process_of_its_parent_or_siblings(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("import subprocess; p = subprocess.Popen(['sleep', '60'])")
        async with session.branches(2) as (branch, _):
            pids, own = (await branch.run(LOOK_AROUND)).value
            assert pids == [1, own]


async def test_a_branch_has_no_capability_and_gets_none(policy: Policy) -> None:
    async with a_session(policy) as session, session.branch() as branch:
        result = await branch.run(
            "import os, ctypes\n"
            "lines = open('/proc/self/status').read().splitlines()\n"
            "caps = {line.split()[1] for line in lines if line.startswith('Cap')}\n"
            "unshared = ctypes.CDLL(None, use_errno=True).unshare(0x10000000)\n"
            "caps, unshared\n"
            "(sorted(caps), unshared)"
        )
        assert result.value == [["0000000000000000"], -1]
        assert [denial.subject for denial in result.denials] == ["unshare"]


async def test_a_refused_call_is_on_the_receipt_of_the_branch_that_made_it(policy: Policy) -> None:
    refused = "import ctypes; ctypes.CDLL(None).unshare(0)"
    async with a_session(policy) as session:
        await session.run("x = 1")
        async with session.branches(2) as (one, other):
            assert (await one.run(refused)).denials
            assert not (await other.run("1")).denials
            assert not (await session.run("1")).denials


async def test_the_way_into_a_branch_is_open_to_its_fork_only(policy: Policy) -> None:
    """setns(2) is let through once for each namespace that the host announced."""
    code = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
answers = []
for pid in os.listdir("/proc"):
    if not pid.isdigit(): continue
    for name in ("user", "pid", "mnt", "net"):
        try: fd = os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY)
        except OSError: continue
        answers.append((libc.setns(fd, 0), ctypes.get_errno()))
answers
"""
    async with a_session(policy) as session:
        await session.run("x = 1")
        async with session.branches(2):
            answers = (await session.run(code)).value
    assert answers, "there was something to try"
    assert all(answer == [-1, 1] for answer in answers)


HOSTILE_FORKS = {
    "keeps its capabilities": """
from _sandcrew_guest import confine
confine.drop_capabilities = lambda: None
""",
    "keeps a pipe": """
import os
from _sandcrew_guest import forking
pipe = os.pipe()
forking.open_files = lambda own: []
""",
    "keeps shared memory": """
import mmap
shared = mmap.mmap(-1, 4096)
""",
    "keeps a file of its parent": """
from _sandcrew_guest import forking
kept = open("kept", "w")
forking.open_files = lambda own: []
""",
    "stays in the cgroup of its parent": """
from _sandcrew_guest import confine
confine.join_cgroups = lambda doors: None
""",
    "brings another process": """
import os, time
from _sandcrew_guest import forking
settle = forking.settle
def bring(*args):
    settle(*args)
    if os.fork() == 0:
        time.sleep(60)
forking.settle = bring
""",
}


@pytest.mark.parametrize("trick", HOSTILE_FORKS)
async def test_a_fork_that_cheats_is_not_admitted(policy: Policy, trick: str) -> None:
    if "capabilities" in trick and policy.profile == "landlock":
        pytest.skip("there the fork never has any")
    if "cgroup" in trick and find_cgroups() is None:
        pytest.skip("this user may make no cgroups here")
    async with a_session(policy) as session:
        made = await session.run(HOSTILE_FORKS[trick])
        assert made.exit_code == 0, made.output
        with pytest.raises(UsageError, match="cannot be branched"):
            await session.branch().start()
        assert (await session.run("1")).value == 1


async def test_a_fork_that_never_comes_is_given_up(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandcrew.sandbox import BackendError, branching

    monkeypatch.setattr(branching, "PATIENCE", 0.5)
    never = "from _sandcrew_guest import forking\nimport time\n"
    never += "forking.fork_into = lambda *_: time.sleep(60)"
    async with a_session(policy) as session:
        await session.run(never)
        with pytest.raises(BackendError, match="not there within"):
            await session.branch().start()


# --- nothing is left ---


async def test_nothing_is_left_of_branches(policy: Policy) -> None:
    me = psutil.Process()
    before = {child.pid for child in me.children(recursive=True)}
    descriptors = me.num_fds()
    async with a_session(policy) as session:
        await session.run("x = 1")
        for _ in range(3):
            async with session.branches(2) as (one, other):
                await asyncio.gather(one.run("x"), other.run("x"))
    assert {child.pid for child in me.children(recursive=True)} <= before
    assert me.num_fds() <= descriptors + 1


async def test_a_cancelled_start_of_a_branch_leaves_the_session_usable(policy: Policy) -> None:
    async with a_session(policy) as session:
        await session.run("x = 1")
        for delay in (0, 0.002, 0.005, 0.01, 0.02):
            start = asyncio.ensure_future(session.branch().start())
            await asyncio.sleep(delay)
            start.cancel()
            await asyncio.gather(start, return_exceptions=True)
        assert (await session.run("x")).value == 1


async def test_closing_the_sandbox_ends_branches(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        session = box.session()
        await session.run("x = 1")
        branch = session.branch()
        await branch.start()
    with pytest.raises(UsageError, match="closed"):
        await session.run("x")
    assert not [
        c for c in psutil.Process().children(recursive=True) if sys.executable in c.cmdline()
    ]

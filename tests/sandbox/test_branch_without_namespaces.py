"""The walls of branches that have no namespaces: Landlock, and what it does not know of."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

import psutil
import pytest

from sandcrew.sandbox import BackendError, Policy, Sandbox, UsageError
from sandcrew.sandbox.cgroup import find_cgroups
from sandcrew.sandbox.guest import kernel

from .branch_attacks import ATTACKS, CHANGES_MODES, PRELUDE, TRY, from_a_branch, unconfined


@pytest.fixture
def policy(landlock_policy: Policy) -> Policy:
    return landlock_policy.replace(timeout=20)


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_attack_would_work(attack: str, tmp_path: Path) -> None:
    """The positive control."""
    code = ATTACKS[attack]
    found = unconfined(code, tmp_path)
    assert found.count("REACHED") >= code.count("attempt("), found


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_branch_does_not_reach_its_parent(policy: Policy, attack: str) -> None:
    async with Sandbox(policy) as box:
        printed, before, after = await from_a_branch(ATTACKS[attack], box)
    assert "REACHED" not in printed
    assert "refused" in printed
    assert before == after


async def test_a_branch_changes_no_modes_and_times_of_its_parents_files(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        _, before, after = await from_a_branch(CHANGES_MODES, box)
    assert before == after


async def test_a_branch_does_not_reach_its_siblings(policy: Policy) -> None:
    async with Sandbox(policy) as box, box.session() as session:
        await session.run("x = 1")
        async with session.branches(2) as (victim, attacker):
            made = await victim.run(PRELUDE + "(pid, address, folder, temporary)")
            pid, address, folder, temporary = made.value
            await attacker.run(PRELUDE)
            await attacker.run(f"pid, address = {pid}, {address}")
            await attacker.run(f"folder, temporary = {folder!r}, {temporary!r}")
            for attack in ATTACKS.values():
                printed = (await attacker.run(TRY + attack)).output
                assert "REACHED" not in printed
                assert "refused" in printed
            assert (await victim.run("open(folder + '/kept').read()")).value == "of the victim"


async def test_a_branch_that_kills_all_it_can_reach_kills_only_itself(policy: Policy) -> None:
    kill = "import os, signal, time\nos.kill(-1, signal.SIGKILL)"
    async with Sandbox(policy) as box, box.session() as session:
        await session.run("import subprocess; x = 1; p = subprocess.Popen(['sleep', '60'])")
        async with session.branches(2) as (one, other):
            await one.run(kill)
            assert (await other.run("x")).value == 1
            assert (await session.run("x, p.poll()")).value == [1, None]
        await session.run(kill)  # the positive control
        assert (await session.run("p.wait()")).value == -signal.SIGKILL


# --- its end ---

DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    os.execvp("sleep", ["sleep", "600"])
time.sleep(0.2)
"""
OUTRUN = """
import os
if os.fork() == 0:
    os.setsid()
    while True:
        if os.fork(): os._exit(0)
"""


def sleepers() -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name() == "sleep":
                found.append(process)
    return found


async def test_processes_of_a_branch_end_with_it_and_those_of_its_parent_do_not(
    policy: Policy,
) -> None:
    async with Sandbox(policy) as box, box.session() as session:
        await session.run(DAEMON)
        async with session.branch() as branch:
            await branch.run(DAEMON)
            assert len(sleepers()) == 2
        assert len(sleepers()) == 1


async def test_processes_of_a_session_end_with_it_and_those_of_its_branch_do_not(
    policy: Policy,
) -> None:
    async with Sandbox(policy) as box:
        session = box.session()
        await session.run("x = 1")
        async with session.branch() as branch:
            await branch.run(DAEMON)
            await session.run(DAEMON)
            await session.close()
            assert len(sleepers()) == 1
            assert (await branch.run("x")).value == 1
        assert sleepers() == []


async def test_a_daemon_that_outruns_its_killer_ends_with_its_branch(policy: Policy) -> None:
    async with Sandbox(policy) as box, box.session() as session:
        await session.run("x = 1")
        guest = [process.pid for process in psutil.Process().children(recursive=True)]
        async with session.branch() as branch:
            await branch.run(OUTRUN)
        assert (await session.run("x")).value == 1
        left: list[int] = []
        for _ in range(500):  # its files are removed by another one
            left = [process.pid for process in psutil.Process().children(recursive=True)]
            if sorted(left) == sorted(guest):
                break
            await asyncio.sleep(0.01)
        assert sorted(left) == sorted(guest)


def first_process_of_the_branch() -> psutil.Process:
    (guard,) = psutil.Process().children()
    (zygote,) = guard.children()
    forks = [fork for first in zygote.children() for fork in first.children() if fork.children()]
    (first,) = forks
    return first


async def test_a_branch_whose_first_process_is_killed_is_lost_with_all_of_it(
    policy: Policy,
) -> None:
    async with Sandbox(policy) as box, box.session() as session:
        await session.run("x = 1")
        async with session.branch() as branch:
            await branch.run(DAEMON)
            first_process_of_the_branch().kill()
            assert (await branch.run("import time; time.sleep(10)")).state_lost
            psutil.wait_procs(sleepers(), timeout=10)
            assert sleepers() == []
        assert (await session.run("x")).value == 1


async def test_files_of_branches_are_removed_while_the_session_goes_on(policy: Policy) -> None:
    async with Sandbox(policy) as box, box.session() as session:
        tmp = (await session.run("import tempfile; tempfile.gettempdir()")).value
        branches = Path(f"{tmp}.branches")
        async with session.branches(2) as (one, _):
            await one.run("import os; os.makedirs('a/b'); os.mkfifo('a/b/c'); os.chmod('a', 0)")
            assert len(list(branches.iterdir())) == 2
        for _ in range(500):
            if not list(branches.iterdir()):
                break
            await asyncio.sleep(0.01)
        assert list(branches.iterdir()) == []


# --- limits ---


@pytest.mark.skipif(find_cgroups() is None, reason="this user may make no cgroups here")
async def test_a_branch_without_memory_ends_alone(policy: Policy) -> None:
    async with Sandbox(policy.replace(memory="100MiB")) as box, box.session() as session:
        await session.run("x = b'x' * (40 << 20)")
        async with session.branch() as branch:
            fork = (
                "import os\nfor _ in range(3):\n  if os.fork() == 0: y = b'y' * (60 << 20); input()"
            )
            assert (await branch.run("y = [b'y' * (60 << 20)]\n" + fork)).limit_hit == "memory"
            assert (await session.run("len(x)")).value == 40 << 20


async def test_processes_that_a_branch_has_taken_are_there_again_when_it_is_closed(
    policy: Policy,
) -> None:
    greedy = "import os, time\ntry:\n  while os.fork(): pass\n"
    greedy += "  time.sleep(600)\nexcept OSError as error: print(error)"
    async with Sandbox(policy.replace(processes=20)) as box, box.session() as session:
        await session.run("import subprocess")
        async with session.branch() as branch:
            assert "unavailable" in (await branch.run(greedy)).output
            assert (await session.run("6 * 7")).value == 42
        assert (await session.run("subprocess.run(['true']).returncode")).value == 0


# --- what the host takes from a fork that nobody trusts ---

OFFER = """
from _sandcrew_guest import landlocked_walls
from _sandcrew_guest.channel import Channel
def offer(self):
    import os, socket, time
    channel = Channel(socket.socket(fileno=self._door))
    root = os.open("/", os.O_PATH)
    names = ["workspace", "tmp"][:FOLDERS]
    channel.send({"op": "confined", "names": names}, [root] * FOLDERS)
    channel.sock.recv(1)
    if os.fork(): time.sleep(60)
    channel.send({"op": "ended", "exit_code": 0, "cpu_seconds": "much", "peak_memory": -1})
landlocked_walls.LandlockedWalls.close_behind = offer
"""


@pytest.mark.parametrize(
    ("folders", "why"), [(2, "came with 2 descriptors"), (0, "no such number")]
)
async def test_a_fork_that_offers_folders_or_false_figures_ends(
    folders: int, why: str, policy: Policy
) -> None:
    """Whoever has changed the interpreter reaches its branches, and nothing of the host."""
    async with Sandbox(policy) as box, box.session() as session:
        made = await session.run(OFFER.replace("FOLDERS", str(folders)))
        assert made.exit_code == 0, made.output
        branch = session.branch()
        told = ""
        try:
            told = (await branch.run("import time; time.sleep(10)")).receipt()
        except BackendError as error:  # before it had begun
            told = str(error)
        assert why in told
        await branch.close()
        assert (await session.run("1")).value == 1


async def test_where_landlock_holds_no_signals_back_a_branch_is_refused(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "landlock_abi", lambda: 5)
    policy = policy.replace(allow_missing=["landlock-signals"])
    async with Sandbox(policy) as box, box.session() as session:
        assert (await session.run("1")).value == 1
        with pytest.raises(UsageError, match=r"version 6.*Linux 6\.12"):
            await session.branch().start()

"""Nothing outlives its owner, and every end leaves the sandbox usable."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import textwrap
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from sandcrew.sandbox import (
    BackendCrashed,
    BackendUnavailable,
    CodeResult,
    OutputEvent,
    Policy,
    Sandbox,
)
from sandcrew.sandbox.pool import MOST

FOREVER = "import time\nprint('running')\nwhile True: time.sleep(1)"


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


async def until_it_runs(box: Sandbox, code: str = FOREVER) -> asyncio.Task[object]:
    """A task that runs ``code``, once its first output has been seen."""
    seen = asyncio.Event()

    async def follow() -> object:
        last: object = None
        async with aclosing(box.stream(code)) as events:
            async for last in events:
                if isinstance(last, OutputEvent):
                    seen.set()
        return last

    task = asyncio.create_task(follow())
    async with asyncio.timeout(20):
        await seen.wait()
    return task


async def test_closing_leaves_no_process_and_no_descriptor(policy: Policy) -> None:
    before = descriptors()
    async with Sandbox(policy) as box:
        await box.run("print(1)")
        await asyncio.gather(*(box.run("print(1)") for _ in range(10)))
        assert children()
    assert children() == []
    assert descriptors() == before


async def test_runs_leave_nothing_in_the_zygote(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        await box.run("print(1)")
        guard, zygote = children()[:2]
        fds, ours = zygote.num_fds(), descriptors()
        for _ in range(100):
            await box.run("import os\nif os.fork() == 0:\n import time; time.sleep(60)")
        # Besides guard and zygote there are only the guests that wait, of two processes each.
        assert len(children()) <= 2 + 2 * (MOST + 1)
        async with asyncio.timeout(20):  # guests that are being made hold more than those that wait
            while zygote.num_fds() > fds + 2 or descriptors() > ours + 3 * MOST:
                await asyncio.sleep(0.01)
        assert guard.is_running()


LOCKED = """
import fcntl, time
lock = open("alive", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("running")
while True: time.sleep(1)
"""
"""Holds a lock that the kernel drops at the program's death, so that it can be told at once."""


async def assert_it_is_dead(box: Sandbox) -> None:
    code = "import fcntl; fcntl.flock(open('alive'), fcntl.LOCK_EX | fcntl.LOCK_NB); print('free')"
    assert (await box.run(code)).output == "free\n"


async def test_a_cancelled_task_kills_its_program_at_once(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        task = await until_it_runs(box, LOCKED)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await assert_it_is_dead(box)


async def test_leaving_the_stream_kills_the_program(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        async with aclosing(box.stream(LOCKED)) as events:
            async for _ in events:
                break
        await assert_it_is_dead(box)


async def test_sandboxes_can_be_started_many_at_once(policy: Policy) -> None:
    async def use() -> str:
        async with Sandbox(policy) as box:
            return (await box.run("print(1)")).output

    assert await asyncio.gather(*(use() for _ in range(12))) == ["1\n"] * 12


async def test_a_time_limit_keeps_what_was_printed_and_kills_what_ignores_signals(
    policy: Policy,
) -> None:
    code = "import signal\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n" + FOREVER
    async with Sandbox(policy) as box:
        result = await box.run(code, timeout=0.3)
    assert (result.exit_code, result.timed_out, result.limit_hit) == (124, True, "timeout")
    assert result.output == "running\n"


async def test_a_run_can_be_cancelled_before_during_and_after(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        early = box.new_run()
        early.cancel()
        results = [event async for event in box.stream("print(1)", run=early)]
        assert [getattr(result, "exit_code", None) for result in results] == [125]
        late = box.new_run()
        last: object = None
        async with aclosing(box.stream(FOREVER, run=late)) as events:
            async for last in events:
                late.cancel()
        assert isinstance(last, CodeResult)
        assert (last.exit_code, last.cancelled, last.output) == (125, True, "running\n")
        late.cancel()


async def test_a_daemon_dies_with_its_run(policy: Policy) -> None:
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            open("beat", "a").write("x")
            time.sleep(0.001)
    os._exit(0)
while not os.path.exists("beat"): time.sleep(0.001)
"""
    async with Sandbox(policy) as box:
        assert (await box.run(code)).exit_code == 0
        beats = len(await box.read_file("beat"))
        await box.run("import time; time.sleep(0.1)")
        assert len(await box.read_file("beat")) == beats


async def test_closing_ends_running_programs_as_cancelled(policy: Policy) -> None:
    box = Sandbox(policy)
    await box.start()
    task = await until_it_runs(box)
    await box.close()
    assert getattr(await task, "cancelled", False)
    assert children() == []


async def test_a_lost_zygote_is_an_error_and_the_next_call_starts_another(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        task = await until_it_runs(box)
        guard = children()[0]
        guard.kill()
        with pytest.raises(BackendCrashed, match="next call starts a new one"):
            await task
        assert (await box.run("print('again')")).output == "again\n"
    assert children() == []


async def start_and_run(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        await box.run(FOREVER)


async def test_a_start_that_is_cancelled_leaves_nothing(policy: Policy) -> None:
    before = descriptors()
    for delay in (0.0, 0.005, 0.02, 0.04):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(start_and_run(policy), delay)
    assert children() == []
    assert descriptors() == before


_OWNER = textwrap.dedent("""
    import asyncio
    from contextlib import aclosing
    import json, sys
    from sandcrew.sandbox import Policy, Sandbox

    async def main():
        code = "print('running')\\nimport time; time.sleep(600)"
        policy = Policy.from_mapping(json.loads(sys.argv[1]))
        async with Sandbox(policy) as box, aclosing(box.stream(code)) as events:
            async for event in events:
                print(event.text, end="", flush=True)
    asyncio.run(main())
""")


def as_json(policy: Policy) -> str:
    python = {"python": str(policy.python)} if policy.python else {}
    return json.dumps({"profile": policy.profile, **python})


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_an_owner_that_is_killed(policy: Policy, number: int) -> None:
    def mounts() -> set[str]:
        """Only ours: containers come and go meanwhile on a machine that others use."""
        points = {line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()}
        return {point for point in points if point.startswith(f"{tempfile.gettempdir()}/sandcrew")}

    before = mounts()
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, as_json(policy)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert owner.stdout is not None
    with owner.stdout:
        assert owner.stdout.readline() == "running\n"
        guests = psutil.Process(owner.pid).children(recursive=True)
        assert len(guests) >= 4  # guard, zygote, first process of the guest, program
        owner.send_signal(number)
        owner.wait(20)
    _, alive = psutil.wait_procs(guests, timeout=20)
    assert alive == []
    assert mounts() == before


def test_a_host_without_user_namespaces_refuses_and_names_the_way_on() -> None:
    """The limit of a user namespace of our own makes this host such a one."""
    code = textwrap.dedent("""
        import asyncio
        from sandcrew.sandbox import BackendUnavailable, Sandbox
        try: asyncio.run(Sandbox().start())
        except BackendUnavailable as error: print(error)
    """)
    script = f"echo 0 > /proc/sys/user/max_user_namespaces; exec {sys.executable} -c '{code}'"
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unshare" in done.stderr or "Permission denied" in done.stderr:
        pytest.skip("this host does not let us make a namespace to try it in")
    assert "user.max_user_namespaces" in done.stdout
    assert "docker" in done.stdout


async def test_an_allowed_gap_is_not_claimed_as_enforced() -> None:
    policy = Policy(allow_missing=["landlock"])
    async with Sandbox(policy) as box:
        assert "seccomp" in (await box.run("")).isolation


def test_the_error_says_what_why_and_what_to_do() -> None:
    error = BackendUnavailable("Landlock", why="not in this kernel", remedy="Use a newer one.")
    assert str(error) == "Landlock: not in this kernel. Use a newer one."


async def test_a_hundred_runs_at_once_all_answer(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        results = await asyncio.gather(*(box.run(f"print({n})") for n in range(100)))
    assert [result.output for result in results] == [f"{n}\n" for n in range(100)]


async def test_programs_of_five_megabytes_arrive_whole(policy: Policy) -> None:
    code = f"print(len('{'x' * 5_000_000}'))"
    async with Sandbox(policy) as box:
        results = await asyncio.gather(*(box.run(code) for _ in range(3)))
    assert {result.output for result in results} == {"5000000\n"}

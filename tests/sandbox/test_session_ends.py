"""However a cell ends, there is one clear result, and the next cell works."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from pathlib import Path

import psutil
import pytest

from sandcrew.sandbox import (
    BackendCrashed,
    CellResult,
    OutputEvent,
    Policy,
    Sandbox,
    Session,
    UsageError,
)

Live = Callable[..., AbstractAsyncContextManager[Session]]

FOREVER = "import time\nprint('running')\nwhile True: time.sleep(1)"
DEAF = """
import time
print('running')
while True:
    try: time.sleep(60)
    except KeyboardInterrupt: pass
"""


async def started(session: Session, code: str = FOREVER) -> asyncio.Task[CellResult]:
    """A task that runs ``code``, once its first output has been seen."""
    seen = asyncio.Event()

    async def follow() -> CellResult:
        async with aclosing(session.stream(code)) as events:
            async for event in events:
                if isinstance(event, OutputEvent):
                    seen.set()
                if isinstance(event, CellResult):
                    return event
        raise AssertionError

    task = asyncio.create_task(follow())
    async with asyncio.timeout(20):
        await seen.wait()
    return task


# --- interrupts and time limits ---


async def test_an_interrupt_ends_the_cell_and_keeps_the_state(policy: Policy, live: Live) -> None:
    async with live(policy) as session:
        await session.run("x = 1")
        cell = await started(session)
        session.interrupt()
        result = await cell
        assert (result.exit_code, result.state_lost, result.output[:8]) == (130, False, "running\n")
        assert "KeyboardInterrupt" in result.stderr
        assert (await session.run("x")).value == 1


async def test_an_interrupt_between_cells_does_nothing(policy: Policy, live: Live) -> None:
    async with live(policy) as session:
        for _ in range(5):
            session.interrupt()
            assert (await session.run("1")).value == 1


@pytest.mark.parametrize(("language", "code"), [("python", FOREVER), ("bash", "sleep 60")])
async def test_an_interrupt_at_any_moment_of_the_begin_ends_the_cell(
    language: str, code: str, policy: Policy
) -> None:
    """The first one comes while there is no interpreter yet."""
    async with Sandbox(policy) as box:
        session = box.session(language=language)
        for steps in (1, *range(1, 12)):
            cell = asyncio.create_task(session.run(code, timeout=20))
            for _ in range(steps):
                await asyncio.sleep(0)
            session.interrupt()
            result = await cell
            assert (result.exit_code, result.state_lost) == (130, False), f"after {steps} steps"
        await session.close()


@pytest.mark.parametrize("language", ["python", "bash"])
async def test_a_time_limit_too_short_to_begin_keeps_the_state(language: str, live: Live) -> None:
    async with live(language=language) as session:
        for timeout in (1e-9, 1e-6, 1e-4, 1e-3):
            result = await session.run(
                "sleep 60" if language == "bash" else FOREVER, timeout=timeout
            )
            assert (result.timed_out, result.state_lost) == (True, False), f"after {timeout} s"


async def test_the_time_limit_interrupts_and_keeps_the_state(policy: Policy, live: Live) -> None:
    async with live(policy, timeout=0.3) as session:
        await session.run("x = 1")
        result = await session.run(FOREVER)
        assert (result.exit_code, result.timed_out, result.limit_hit) == (124, True, "timeout")
        assert (result.state_lost, result.stdout) == (False, "running\n")
        assert (await session.run("x")).value == 1
        longer = await session.run("import time; time.sleep(0.5)", timeout=20)
        assert longer.exit_code == 0


@pytest.mark.parametrize(
    "code",
    [
        DEAF,
        "sum(iter(int, 1))",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "import os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [2])\nwhile True: pass",
    ],
)
async def test_a_cell_that_does_not_obey_is_killed_and_the_next_finds_a_new_interpreter(
    code: str, policy: Policy, live: Live
) -> None:
    async with live(policy) as session:
        await session.run("x = 1")
        result = await session.run(code, timeout=0.2)
        assert (result.exit_code, result.limit_hit, result.state_lost) == (124, "timeout", True)
        assert "NameError" in (await session.run("x")).stderr


async def test_an_interrupt_also_ends_what_the_cell_waits_for(policy: Policy, live: Live) -> None:
    # An interrupt while Popen is made would leave a child that nobody knows.
    code = "import subprocess\nsleep = subprocess.Popen(['sleep', '3600'])\n"
    code += "print('running', flush=True)\nsleep.wait()"
    async with live(policy) as session:
        cell = await started(session, code)
        session.interrupt()
        assert (await cell).exit_code == 130
        assert (await session.run("sleep.wait(10)")).exit_code == 0  # it has ended


# --- leaving ---


async def test_cancelling_the_caller_ends_the_cell_and_keeps_the_state(
    policy: Policy, live: Live
) -> None:
    async with live(policy) as session:
        await session.run("x = 1")
        cell = await started(session)
        cell.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cell
        assert (await session.run("x")).value == 1


async def test_leaving_the_stream_ends_the_cell_and_its_output_is_not_the_next_ones(
    policy: Policy, live: Live
) -> None:
    code = "import time\nx = 1\nprint('first')\nprint('second')\nwhile True: print('more')"
    async with live(policy) as session:
        async with aclosing(session.stream(code)) as events:
            async for _ in events:
                break
        seen = [event async for event in session.stream("x")]
        result = seen[-1]
        assert isinstance(result, CellResult)
        assert (result.value, result.output, len(seen)) == (1, "", 2)


async def test_a_cell_that_is_left_and_does_not_obey_is_killed(live: Live) -> None:
    async with live() as session:
        cell = await started(session, DEAF)
        cell.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cell
        assert (await session.run("1")).value == 1


async def test_a_caller_that_waits_for_its_turn_can_be_cancelled(live: Live) -> None:
    async with live() as session:
        cell = await started(session)
        waiting = asyncio.create_task(session.run("never = 1"))
        await asyncio.sleep(0)
        waiting.cancel()
        session.interrupt()
        assert (await cell).exit_code == 130
        assert "NameError" in (await session.run("never")).stderr


# --- crashes ---


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("import os; os._exit(7)", 7),
        ("import os; os._exit(0)", 0),
        ("import ctypes; ctypes.string_at(0)", 139),
        ("import os; os.abort()", 134),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
        ("import os; os.execv('/bin/sh', ['sh', '-c', 'exit 5'])", 5),
    ],
)
async def test_a_crash_is_reported_and_the_next_cell_finds_a_new_interpreter(
    code: str, exit_code: int, policy: Policy, live: Live
) -> None:
    async with live(policy) as session:
        await session.run("x = 1")
        result = await session.run("print('before', flush=True)\n" + code)
        assert (result.exit_code, result.state_lost) == (exit_code, True)
        assert (result.stdout, result.timed_out, result.cancelled) == ("before\n", False, False)
        assert "NameError" in (await session.run("x")).stderr


@pytest.mark.parametrize(
    ("code", "exit_code", "text"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("exit()", 0, ""),
        ("raise SystemExit('why')", 1, "why\n"),
        ("import sys\nsys.stderr = None\nsys.exit('why')", 1, "SystemExit\n"),
    ],
)
async def test_system_exit_gives_the_exit_code_and_keeps_the_state(
    code: str, exit_code: int, text: str, live: Live
) -> None:
    async with live() as session:
        result = await session.run("x = 1\n" + code)
        assert (result.exit_code, result.output, result.state_lost) == (exit_code, text, False)
        assert (await session.run("x")).value == 1


async def test_streams_that_a_cell_replaced_are_its_own_business_until_it_closes_them(
    live: Live,
) -> None:
    async with live() as session:
        await session.run(
            "import sys\nclass Out:\n  def write(self, text): pass\nsys.stdout = Out()"
        )
        assert (await session.run("print('x')\n1")).exit_code == 0
        await session.run("sys.stdout = sys.__stdout__")
        assert (await session.run("print('x')")).output == "x\n"
        await session.run("sys.stdout.close()")
        assert (await session.run("print('y')")).output == "y\n"
        assert (await session.run("1")).value == 1


# --- limits ---


async def test_the_memory_limit_of_a_cell_raises_and_keeps_the_state(
    policy: Policy, live: Live
) -> None:
    async with live(policy) as session:
        await session.run("x = bytearray(50 << 20)")
        result = await session.run("y = bytearray(100 << 20)", memory="20MiB")
        assert (result.exit_code, result.limit_hit, result.state_lost) == (1, "memory", False)
        assert "MemoryError" in result.stderr
        assert (await session.run("y = bytearray(10 << 20)", memory="20MiB")).exit_code == 0
        assert (await session.run("y = bytearray(100 << 20)\nlen(x)")).value == 50 << 20


async def test_the_memory_limit_of_the_policy_holds_for_the_session(
    policy: Policy, live: Live
) -> None:
    async with live(policy.replace(memory="200MiB")) as session:
        result = await session.run("kept = []\nwhile True: kept.append(bytearray(10 << 20))")
        assert (result.exit_code != 0, result.limit_hit) == (True, "memory")
        assert (await session.run("kept = 1\nkept")).value == 1


async def test_the_lifetime_of_a_session_ends_it_and_names_itself(
    policy: Policy, live: Live
) -> None:
    async with live(policy, lifetime=1) as session:
        result = await session.run(DEAF)
        assert (result.limit_hit, result.state_lost) == ("lifetime", True)
        with pytest.raises(UsageError, match="ended after its 1 s"):
            await session.run("1")


@pytest.mark.parametrize(
    "code",
    [
        "while True: print('x' * 1000)",
        "import sys\nwhile True: print('x' * 100, file=sys.stderr)",
        "import os\nwhile True: os.write(1, bytes([255]) * 65536)",
    ],
)
async def test_output_without_end_is_bounded(code: str, live: Live) -> None:
    async with live(timeout=0.5) as session:
        result = await session.run(code)
        assert (result.timed_out, result.truncated) == (True, True)
        assert len(result.output) < 3 << 20
        assert (await session.run("1")).value == 1


async def test_one_line_of_100_mb_is_bounded(live: Live) -> None:
    async with live() as session:
        result = await session.run("print('x' * 100_000_000)")
        assert (result.exit_code, result.truncated) == (0, True)
        assert "characters dropped" in result.output
        assert (await session.run("1")).truncated is False


# --- children and threads ---


async def test_a_child_that_comes_back_from_a_cell_serves_no_other(
    policy: Policy, live: Live
) -> None:
    async with live(policy) as session:
        result = await session.run(
            "import os\npid = os.fork()\nprint('here')\npid and os.wait()[1]"
        )
        assert (result.output, result.value) == ("here\nhere\n", 0)
        for code, status in (("1 / 0", 1), ("import sys; sys.exit(3)", 3), ("5", 0), ("exit()", 0)):
            forked = (
                f"import os\nif os.fork() == 0:\n  exec({code!r})\n  5\nelse:\n  s = os.wait()[1]"
            )
            await session.run(forked)
            assert (await session.run("os.waitstatus_to_exitcode(s)")).value == status
        results = [(await session.run(f"{i}")).value for i in range(20)]
    assert results == list(range(20))


async def test_a_child_that_comes_back_says_nothing_in_the_name_of_the_session(live: Live) -> None:
    code = """
import os
pid = os.fork()
if pid == 0: raise ValueError("in the child")
status = os.wait()[1]
os.waitstatus_to_exitcode(status)
"""
    async with live() as session:
        result = await session.run(code)
    assert (result.exit_code, result.value) == (0, 1)
    assert result.stderr.count("ValueError: in the child") == 1


async def test_processes_and_pools_work(live: Live) -> None:
    code = """
import multiprocessing as mp, subprocess
from concurrent.futures import ThreadPoolExecutor
context = mp.get_context("fork")
def square(x): return x * x
with context.Pool(2) as pool: squares = pool.map(square, range(5))
with ThreadPoolExecutor(2) as pool: more = list(pool.map(square, range(3)))
squares, more, subprocess.run(["echo", "hi"], capture_output=True, text=True).stdout
"""
    async with live() as session:
        result = await session.run(code)
    assert result.value == [[0, 1, 4, 9, 16], [0, 1, 4], "hi\n"], result.stderr


async def test_what_a_thread_prints_after_its_cell_belongs_to_the_next(live: Live) -> None:
    code = """
import threading
go = threading.Event()
thread = threading.Thread(target=lambda: (go.wait(), print("late")))
thread.start()
"""
    async with live() as session:
        assert (await session.run(code)).output == ""
        assert (await session.run("go.set(); thread.join()")).output == "late\n"
        await session.run("threading.Timer(0.1, print, ['between']).start()")
        await asyncio.sleep(0.5)
        assert (await session.run("print('mine')")).output == "between\nmine\n"


async def test_interrupts_of_a_cell_with_threads_never_spoil_what_it_says(live: Live) -> None:
    code = """
import threading
def work():
    while not done: pass
done = False
threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads: t.start()
try:
    while True: display("x" * 1000)
finally:
    done = True
"""
    async with live(timeout=None) as session:
        for i in range(8):
            cell = await started(session, "print('running', flush=True)\n" + code)
            await asyncio.sleep(i * 0.013)
            session.interrupt()
            result = await cell
            assert (result.exit_code, result.state_lost) == (130, False)
        assert (await session.run("1")).value == 1


# --- closing ---


@pytest.mark.parametrize("what", ["session", "sandbox", "restart"])
async def test_closing_during_a_cell_cancels_it(what: str, policy: Policy) -> None:
    async with Sandbox(policy) as box:
        session = box.session()
        cell = await started(session, DEAF)
        waiting = asyncio.create_task(session.run("1"))
        await {"session": session.close, "sandbox": box.close, "restart": session.restart}[what]()
        result = await cell
        assert (result.exit_code, result.cancelled, result.state_lost) == (125, True, True)
        assert result.stdout == "running\n"
        if what == "restart":
            assert (await waiting).value == 1
            assert (await session.run("2")).value == 2
        else:
            with pytest.raises(UsageError, match="closed"):
                await waiting
            with pytest.raises(UsageError, match="closed"):
                await session.run("1")
        await session.close()
        await session.close()


async def test_a_session_can_be_closed_while_it_starts(policy: Policy) -> None:
    async with Sandbox(policy) as box:
        session = box.session()
        starting = asyncio.create_task(session.start())
        await asyncio.sleep(0)
        await session.close()
        with pytest.raises(UsageError, match="closed"):
            await starting


async def test_closing_leaves_no_process_and_no_descriptor(policy: Policy) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    async with Sandbox(policy) as box:
        sessions = [box.session() for _ in range(5)]
        await asyncio.gather(*(session.run("1") for session in sessions))
        await sessions[0].close()
        with suppress(UsageError):
            await sessions[1].run("x", timeout=-1)
        await sessions[2].run("import os; os._exit(1)")
    assert psutil.Process().children(recursive=True) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


async def test_when_the_sandbox_is_killed_the_session_begins_anew(policy: Policy) -> None:
    async with Sandbox(policy) as box, box.session() as session:
        await session.run("x = 1")
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # those inside go with the first
                child.kill()
        with suppress(BackendCrashed):
            await session.run("x")
        assert "NameError" in (await session.run("x")).stderr


# --- event loops ---


def test_a_session_ends_with_its_event_loop_and_says_so() -> None:
    box = Sandbox()
    session = box.session()
    asyncio.run(session.start())

    async def later() -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await session.run("1")
        await session.close()
        assert (await box.run("print(1)")).output == "1\n"
        async with box.session() as other:
            assert (await other.run("2")).value == 2
        await box.close()

    asyncio.run(later())


def test_a_session_in_use_keeps_its_sandbox_on_its_event_loop_and_can_be_closed_from_another() -> (
    None
):
    box = Sandbox()
    session = box.session()
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def live_on() -> None:
        loops.append(asyncio.get_running_loop())
        await session.run("x = 1")
        ready.set()
        await stop.wait()
        await box.close()

    thread = threading.Thread(target=asyncio.run, args=[live_on()])
    thread.start()
    ready.wait()

    async def elsewhere() -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await box.run("1")
        await session.close()

    asyncio.run(elsewhere())
    loops[0].call_soon_threadsafe(stop.set)
    thread.join()


# --- a long life ---


MEASURE = """
import os, resource
fds = 0
for fd in range(512):
    try: os.fstat(fd); fds += 1
    except OSError: pass
fds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""


async def test_a_thousand_cells_leave_no_more_than_a_hundred_did(policy: Policy) -> None:
    host = psutil.Process()

    async def cells(count: int) -> tuple[list[int], list[int]]:
        """Descriptors and tasks after so many more cells, and memory in bytes."""
        for i in range(count):
            await session.run(f"display({i}); print({i}); x = bytearray(100_000); [{i}] * 1000")
        fds, peak = (await session.run(MEASURE)).value
        counts = [fds, host.num_fds(), len(asyncio.all_tasks())]
        return counts, [peak << 10, host.memory_info().rss]

    async with Sandbox(policy) as box, box.session() as session:
        counts, memory = await cells(100)
        later, grown = await cells(900)
    assert later == counts
    assert grown[0] <= memory[0] + (4 << 20)  # the sources of cells are kept
    assert grown[1] <= memory[1] + (8 << 20)

"""A result says what a run used, what it was refused, and which limit ended it."""

from __future__ import annotations

import os

import pytest

from sandcrew.sandbox import CodeResult, Denial, Policy, Sandbox, Usage
from sandcrew.sandbox.cgroup import find_cgroups


async def test_processes_and_written_bytes_are_counted_for_the_whole_tree() -> None:
    code = """
import os
for _ in range(3):
    if os.fork() == 0:
        open("file", "ab").write(bytes(100_000))
        os._exit(0)
    os.wait()
"""
    async with Sandbox() as box:
        usage = (await box.run(code)).usage
    assert usage.processes == 4
    assert usage.bytes_written is not None
    assert 300_000 <= usage.bytes_written < 310_000


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="system call numbers of x86-64")
async def test_refused_system_calls_are_named_once_each() -> None:
    code = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for _ in range(10):
    assert libc.ptrace(0, 0, 0, 0) == -1
    assert ctypes.get_errno() == 1
    libc.unshare(0x10000000)
"""
    async with Sandbox() as box:
        result = await box.run(code)
    assert result.exit_code == 0, result.output
    reason = "not permitted in a sandbox"
    assert result.denials == (
        Denial("system call", "ptrace", reason),
        Denial("system call", "unshare", reason),
    )
    assert "refused: ptrace" in result.receipt()


async def test_a_killed_run_still_tells_what_it_was_refused() -> None:
    code = """
import ctypes, time
ctypes.CDLL(None).ptrace(0, 0, 0, 0)
while time.process_time() < 0.2: pass
print("spent")
while True: pass
"""
    async with Sandbox() as box:
        run = box.new_run()
        result: object = None
        async for result in box.stream(code, run=run):
            run.cancel()
    assert isinstance(result, CodeResult)
    assert result.cancelled
    assert [denial.subject for denial in result.denials] == ["ptrace"]
    if find_cgroups() is None:
        assert result.usage == Usage()  # better nothing than a wrong figure
    else:
        assert result.usage.cpu_seconds is not None
        assert result.usage.cpu_seconds > 0.1


async def test_a_program_that_floods_refused_calls_only_slows_itself() -> None:
    code = """
import ctypes, threading
libc = ctypes.CDLL(None)
def flood():
    for _ in range(2000): libc.ptrace(0, 0, 0, 0)
threads = [threading.Thread(target=flood) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("done")
"""
    async with Sandbox() as box:
        result, other = await box.run(code), await box.run("print(1)")
    assert (result.output, other.output) == ("done\n", "1\n")


@pytest.mark.parametrize(
    ("policy", "code", "limit"),
    [
        (Policy(timeout=0.3), "while True: pass", "timeout"),
        (Policy(memory="100MiB"), "bytearray(200 << 20)", "memory"),
        (Policy(disk="4MiB"), "open('a', 'wb').write(bytes(5 << 20))", "disk"),
        (Policy(processes=8), "import os, time\nwhile os.fork(): pass\ntime.sleep(9)", "processes"),
        (Policy(), "raise SystemExit(1)", None),
        (Policy(), "pass", None),
    ],
)
async def test_the_limit_that_ended_a_run_is_named(
    policy: Policy, code: str, limit: str | None
) -> None:
    async with Sandbox(policy) as box:
        result = await box.run(code)
    assert result.limit_hit == limit, result.output
    assert (f"ended by the {limit} limit" in result.receipt()) == (limit is not None)


async def test_a_dropped_part_of_the_output_is_told() -> None:
    async with Sandbox(Policy(output=1000)) as box:
        result = await box.run("print('x' * 5000)")
    assert result.truncated
    assert "some of the output was dropped" in result.receipt()


def test_usage_of_several_runs_is_the_sum_and_the_highest_peak() -> None:
    total = Usage.total([Usage(1.0, 100, 2), Usage(2.0, 50), Usage()])
    assert total == Usage(cpu_seconds=3.0, peak_memory=100, processes=2)
    assert Usage.total([]) == Usage()

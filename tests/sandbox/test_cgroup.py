"""Limits for a whole guest, where this host lets us make cgroups."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sandcrew.sandbox import Policy, Sandbox
from sandcrew.sandbox.cgroup import Cgroups, find_cgroups

needs_cgroups = pytest.mark.skipif(
    find_cgroups() is None, reason="this user may not make cgroups on this host"
)

FAMILY = """
import os, sys, time
for number in range(4):
    if os.fork() == 0:
        data = bytearray(60 << 20)
        for page in range(0, len(data), 4096): data[page] = 1
        time.sleep(1)  # so that all of them hold their memory at one time
        os._exit(0)
print([os.wait()[1] for _ in range(4)])
"""


def folders(pid: int) -> set[Path]:
    """What the process ``pid`` made and has not removed."""
    found = find_cgroups()
    parents = found.parents.values() if found else ()
    return {folder for parent in parents for folder in parent.glob(f"sandcrew-*-{pid}-*")}


async def test_memory_is_limited_for_all_processes_together_with_a_cgroup_or_without() -> None:
    async with Sandbox(Policy(memory="128MiB")) as box:
        result = await box.run(FAMILY + "sys.exit(1)")
        # The kernel kills one process, the watch of a guest without a cgroup all of them.
        assert (result.exit_code, result.limit_hit) in ((1, "memory"), (137, "memory"))
        assert (await box.run("print('usable')")).output == "usable\n"


async def test_files_in_memory_count_as_memory() -> None:
    async with Sandbox(Policy(memory="128MiB")) as box:
        result = await box.run("data = bytearray(100 << 20); open('/tmp/a', 'wb').write(data)")
    assert (result.exit_code, result.limit_hit) == (137, "memory")


@needs_cgroups
async def test_peak_memory_is_that_of_the_whole_guest() -> None:
    async with Sandbox(Policy(memory="512MiB")) as box:
        result = await box.run(FAMILY)
    assert result.exit_code == 0, result.output
    assert result.usage.peak_memory is not None
    assert result.usage.peak_memory > 240 << 20


@needs_cgroups
async def test_the_result_says_that_a_cgroup_was_on() -> None:
    async with Sandbox() as box:
        isolation = (await box.run("")).isolation
    assert {"cgroup-v1", "cgroup-v2"} & set(isolation)
    assert "memory-watch" not in isolation


@pytest.mark.skipif(find_cgroups() is not None, reason="this user may make cgroups here")
async def test_without_a_cgroup_shared_memory_is_watched_and_what_is_inherited_is_not_counted() -> (
    None
):
    shared = """
import mmap, time
block = mmap.mmap(-1, 300 << 20)
for offset in range(0, len(block), 4096): block[offset] = 1
time.sleep(30)
"""
    family = "import os, time\nfor _ in range(15):\n    if not os.fork(): break\ntime.sleep(0.2)"
    async with Sandbox(Policy(memory="64MiB")) as box:
        result = await box.run(shared)
        assert (result.exit_code, result.limit_hit) == (137, "memory")
        assert "memory-watch" in result.isolation
        assert (await box.run(family)).exit_code == 0


@needs_cgroups
async def test_no_cgroup_is_left_after_closing() -> None:
    async with Sandbox() as box:
        for _ in range(5):
            await box.run("print(1)")
        assert folders(os.getpid())
    assert not folders(os.getpid())


@needs_cgroups
def test_what_a_killed_owner_left_is_removed_at_the_next_start() -> None:
    code = """
        import asyncio, os, signal
        from sandcrew.sandbox import Sandbox
        async def main():
            async with Sandbox() as box:
                await box.run("print(1)")
                os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(main())
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)]) as owner:
        owner.wait(60)
    found = find_cgroups()
    assert found is not None
    for _ in range(10_000):  # the kernel takes a moment to bury the last process
        found.reap()
        if not folders(owner.pid):
            break
    assert not folders(owner.pid)


async def test_without_a_cgroup_the_words_of_the_program_name_the_limit() -> None:
    async with Sandbox(Policy(memory="200MiB")) as box:
        result = await box.run("bytearray(300 << 20)")
    assert (result.exit_code, result.limit_hit) == (1, "memory")


def make(tree: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_version_2_uses_the_nearest_ancestor_that_hands_controllers_down(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/user.slice/app.slice/run.scope\n")
    mounts = tmp_path / "cgroup"
    make(
        mounts,
        {
            "cgroup.controllers": "cpu memory pids",
            "user.slice/cgroup.subtree_control": "cpu memory pids",
            "user.slice/cgroup.procs": "",
            "user.slice/app.slice/cgroup.subtree_control": "memory pids",
            "user.slice/app.slice/cgroup.procs": "",
            "user.slice/app.slice/run.scope/cgroup.subtree_control": "",
            "user.slice/app.slice/run.scope/cgroup.procs": "1",
        },
    )
    place = mounts / "user.slice/app.slice"
    assert find_cgroups(mounts, own) == Cgroups(2, {"memory": place, "pids": place})


def test_version_2_limits_are_written_where_the_kernel_wants_them(tmp_path: Path) -> None:
    make(tmp_path, {"memory.swap.max": "max"})
    cgroup = Cgroups(2, dict.fromkeys(("memory", "pids", "cpu"), tmp_path)).create(
        Policy(memory="64MiB", processes=10, cpus=2)
    )
    written = {file.name: file.read_text() for file in cgroup.folders["memory"].iterdir()}
    assert written == {
        "pids.max": "11",
        "memory.max": str(64 << 20),
        "memory.swap.max": "0",
        "cpu.max": "200000 100000",
    }


def test_a_host_without_a_writable_cgroup_has_none(tmp_path: Path) -> None:
    assert find_cgroups(tmp_path, tmp_path / "missing") is None
    own = tmp_path / "own"
    own.write_text("4:memory:/\n8:pids:/\n")
    assert find_cgroups(tmp_path, own) is None

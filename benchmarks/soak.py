"""``python -m sandcrew.benchmarks.soak [RUNS]``: nothing is left behind, however runs end.

Most runs end by themselves; some by their time limit, some are cancelled, some lose their owner
to ``kill -9``. What this process and the host hold is printed before and after.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from ..sandbox import Policy, Sandbox
from ..sandbox.cgroup import find_cgroups

FOREVER = "import os\nif os.fork() == 0: os.setsid()\nwhile True: pass"
KILLED = 200
"""Runs that do not end by themselves: a third of them each way."""
OWNER = """
import asyncio, os, signal
from sandcrew.sandbox import Sandbox
async def main():
    async with Sandbox() as box:
        await box.run("print(1)")
        asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGKILL)
        await box.run("while True: pass")
asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What could be leaked."""

    processes: int
    descriptors: int
    mounts: int
    cgroups: int
    temporary_files: int
    resident_mb: int

    @classmethod
    def now(cls) -> Holdings:
        """Count it. Processes are those that run our guest, anywhere on this host."""
        cgroups = find_cgroups()
        if cgroups is not None:
            cgroups.reap()
        parents = set(cgroups.parents.values()) if cgroups else set[Path]()
        return cls(
            processes=sum("sandbox/guest" in " ".join(_command(p)) for p in psutil.process_iter()),
            descriptors=len(list(Path("/proc/self/fd").iterdir())),
            mounts=len(Path("/proc/self/mounts").read_text().splitlines()),
            cgroups=sum(1 for parent in parents for _ in parent.glob("sandcrew-*")),
            temporary_files=len(list(Path(tempfile.gettempdir()).iterdir())),
            resident_mb=psutil.Process().memory_info().rss >> 20,
        )


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def soak(runs: int) -> None:
    """Do ``runs`` runs, 8 at a time, of which up to :data:`KILLED` are killed."""
    gate = asyncio.Semaphore(8)
    every = max(runs // min(KILLED, runs), 3)
    async with Sandbox(Policy(timeout=30)) as box:

        async def one(number: int) -> None:
            async with gate:
                await _run(box, number if number % every == 0 else -1)

        for start in range(0, runs, 500):
            async with asyncio.TaskGroup() as group:
                for number in range(start, min(start + 500, runs)):
                    group.create_task(one(number))
            print(f"\r{min(start + 500, runs):,} of {runs:,} runs", end="", file=sys.stderr)
    print(file=sys.stderr)


async def _run(box: Sandbox, number: int) -> None:
    if number < 0:
        assert (await box.run("print(1 + 1)")).output == "2\n"
    elif number % 3 == 0:
        assert (await box.run(FOREVER, timeout=0.1)).timed_out
    elif number % 3 == 1:
        run = box.new_run()
        asyncio.get_running_loop().call_later(0.05, run.cancel)
        events = [event async for event in box.stream(FOREVER, run=run)]
        assert getattr(events[-1], "cancelled", False)
    else:
        owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER)
        assert await owner.wait() == -signal.SIGKILL


async def main(runs: int) -> bool:
    """True when nothing was left."""
    await soak(20)  # what is loaded and made once is not a leak
    before = Holdings.now()
    await soak(runs)
    after = await _settled(before)
    print(f"{'':18}{'before':>10}{'after':>10}")
    for name, value in asdict(before).items():
        print(f"{name.replace('_', ' '):18}{value:>10}{getattr(after, name):>10}")
    return all(
        getattr(after, name) <= value + (5 if name == "resident_mb" else 0)
        for name, value in asdict(before).items()
    )


async def _settled(before: Holdings) -> Holdings:
    """The kernel buries what was killed last within moments."""
    after = Holdings.now()
    for _ in range(50):
        if after.processes <= before.processes and after.cgroups <= before.cgroups:
            break
        await asyncio.sleep(0.1)
        after = Holdings.now()
    return after


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)) else 1)

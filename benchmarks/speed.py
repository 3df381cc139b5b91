"""``python -m sandcrew.benchmarks.speed``: what sandcrew costs, beside a floor in the same run."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..sandbox import Policy, Sandbox
from .pairing import Timing, time_interleaved

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CODE = "print(1+1)"
WORK = (
    ("sum of squares", "", "sum(n * n for n in range(3_000_000))"),
    ("sorting text", "import random", "sorted(str(random.random()) for _ in range(400_000))"),
    (
        "pandas group-by",
        "import numpy, pandas\n"
        "frame = pandas.DataFrame({'k': numpy.arange(3_000_000) % 1000, 'v': 1.5})",
        "for _ in range(5): frame.groupby('k').v.mean()",
    ),
)


def command(*argv: str) -> Callable[[], Awaitable[object]]:
    """A subject that runs a whole process and makes sure that it succeeded."""

    async def run() -> None:
        subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)  # noqa: ASYNC221

    return run


async def forked() -> None:
    """The floor of any run in a forked interpreter: no layer, no limit, nobody watching."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        exec(compile("import os; os.write(fd, b'2')", "floor", "exec"), {"fd": write})
        os._exit(0)
    os.close(write)
    assert os.read(read, 10) == b"2"
    os.close(read)
    os.waitpid(pid, 0)  # noqa: ASYNC222


async def floors(rounds: int) -> list[Timing]:
    """Apart from the rest: after a fork every page this process touches is copied first."""
    subjects = {
        "python3 -c 'print(1+1)'": command(sys.executable, "-c", CODE),
        "os.fork of a warm interpreter": forked,
    }
    return await time_interleaved(subjects, floor="python3 -c 'print(1+1)'", rounds=rounds)


async def work(rounds: int) -> list[Timing]:
    """Processor-bound work and, where it is installed, pandas: inside against outside."""
    timings: list[Timing] = []
    async with Sandbox(Policy(timeout=60)) as box:
        for name, setup, code in WORK:
            program = f"{setup}\nimport time\nstart = time.perf_counter()\n{code}\n" + (
                "print(time.perf_counter() - start)"
            )
            outside: list[float] = []
            inside: list[float] = []
            for _ in range(rounds):
                done = subprocess.run(  # noqa: ASYNC221
                    [sys.executable, "-c", program], capture_output=True, text=True, check=False
                )
                if done.returncode:
                    break
                outside.append(float(done.stdout))
                inside.append(float((await box.run(program)).stdout))
            if inside:
                ratios = [mine / its for mine, its in zip(inside, outside, strict=True)]
                median = statistics.median
                timings.append(Timing(name, "outside", median(inside), median(ratios), rounds))
    return timings


async def runs(rounds: int) -> list[Timing]:
    """One confined run on a started sandbox, against a bare interpreter."""
    async with Sandbox(Policy(timeout=30)) as box:

        async def confined() -> None:
            result = await box.run(CODE)
            assert result.output == "2\n", result

        async def fresh() -> None:
            async with Sandbox(Policy(timeout=30)) as own:
                assert (await own.run(CODE)).output == "2\n"

        async def paced() -> None:
            """With time between runs, as a caller that thinks in between."""
            await asyncio.sleep(0.05)

        subjects = {
            "python3 -c 'print(1+1)'": command(sys.executable, "-c", CODE),
            "(pause)": paced,
            "one confined run": confined,
            "new sandbox to first result": fresh,
        }
        return await time_interleaved(subjects, floor="python3 -c 'print(1+1)'", rounds=rounds)


async def processes(rounds: int) -> list[Timing]:
    """``sandcrew exec`` as a whole process, against ``python3`` on the same file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "hello.py")
        file.write_text("print('hello')\n")  # noqa: ASYNC240
        subjects = {
            "python3 hello.py": command(sys.executable, str(file)),
            "sandcrew exec hello.py": command(sys.executable, "-m", "sandcrew", "exec", str(file)),
        }
        return await time_interleaved(subjects, floor="python3 hello.py", rounds=rounds)


async def imports(rounds: int) -> list[Timing]:
    """Imports as whole processes, against ``import asyncio``."""
    modules = ("asyncio", "sandcrew.sandbox", "sandcrew.executors", "sandcrew.agents")
    subjects = {
        f"import {name}": command(sys.executable, "-c", f"import {name}") for name in modules
    }
    return await time_interleaved(subjects, floor="import asyncio", rounds=rounds)


def table(timings: list[Timing]) -> str:
    """The rows as aligned text."""
    return "\n".join(
        f"{row.name:32} {row.seconds * 1000:9.1f} ms {row.ratio:7.2f} x {row.floor}"
        for row in timings
        if not row.name.startswith("(")
    )


async def main(rounds: int = 15) -> None:
    for part in (runs, floors, work, processes, imports):
        print(table(await part(rounds)), flush=True)
        print()


if __name__ == "__main__":
    asyncio.run(main())

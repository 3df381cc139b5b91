"""``python -m sandcrew.benchmarks.speed``: what sandcrew costs, beside a floor in the same run."""

from __future__ import annotations

import asyncio
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


def command(*argv: str) -> Callable[[], Awaitable[object]]:
    """A subject that runs a whole process and makes sure that it succeeded."""

    async def run() -> None:
        subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)  # noqa: ASYNC221

    return run


async def runs(rounds: int) -> list[Timing]:
    """One confined run on a started sandbox, against a bare interpreter."""
    async with Sandbox(Policy(timeout=30)) as box:

        async def confined() -> None:
            result = await box.run(CODE)
            assert result.output == "2\n", result

        async def fresh() -> None:
            async with Sandbox(Policy(timeout=30)) as own:
                assert (await own.run(CODE)).output == "2\n"

        subjects = {
            "python3 -c 'print(1+1)'": command(sys.executable, "-c", CODE),
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
    )


async def main(rounds: int = 15) -> None:
    for part in (runs, processes, imports):
        print(table(await part(rounds)), flush=True)
        print()


if __name__ == "__main__":
    asyncio.run(main())

"""The floors: what things cost without any confinement."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .contender import BARE, Contender
from .driver import driven

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from .contender import Operation

CODE = "print(1+1)"
DESCRIBE = (
    "import pandas\n"
    "frame = pandas.DataFrame({'n': range(1000), 'square': [n * n for n in range(1000)]})\n"
    "print(frame.describe())\n"
)
BARE_PANDAS = "python3 -c, pandas describe()"
BARE_SUSTAINED = "python3 -c, two at a time"
BIG = "import numpy, pandas\nframe = pandas.DataFrame({'n': numpy.ones((500 << 20) // 8)})"
"""A data frame of 500 MB."""
BIG_FORK = "os.fork of a process that holds 500 MB"
SUSTAINED = 2.0
"""Seconds for which runs are counted."""


def whole_process(
    *argv: str, output: bytes | None = None, stdin: bytes = b""
) -> Callable[[], AbstractAsyncContextManager[Operation]]:
    """Starts a process and waits for its end; it must print ``output`` and succeed."""

    @asynccontextmanager
    async def setup() -> AsyncGenerator[Operation, None]:
        async def run() -> None:
            done = subprocess.run(  # noqa: ASYNC221
                argv, input=stdin, capture_output=True, check=False, timeout=60
            )
            if done.returncode or (output is not None and done.stdout != output):
                words = done.stderr.decode("utf-8", "replace").strip().splitlines()
                raise RuntimeError(words[-1] if words else f"it printed {done.stdout[:80]!r}")

        yield run

    return setup


def needs(*modules: str) -> Callable[[], str | None]:
    """``Contender.missing`` for what needs modules in this interpreter."""

    def missing() -> str | None:
        absent = [name for name in modules if importlib.util.find_spec(name) is None]
        return f"pip install {' '.join(absent)}" if absent else None

    return missing


@asynccontextmanager
async def sustained() -> AsyncGenerator[Operation, None]:
    """Processes a second, two in flight."""

    async def one_after_another(until: float) -> int:
        count = 0
        while time.perf_counter() < until:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", CODE, stdout=asyncio.subprocess.DEVNULL
            )
            assert await process.wait() == 0
            count += 1
        return count

    async def count() -> float:
        start = time.perf_counter()
        until = start + SUSTAINED
        counts = await asyncio.gather(one_after_another(until), one_after_another(until))
        return sum(counts) / (time.perf_counter() - start)

    yield count


def floors() -> Iterator[Contender]:
    """All of them."""
    python = sys.executable
    yield Contender(
        name=BARE, group="print(1+1)", open=whole_process(python, "-c", CODE, output=b"2\n")
    )
    yield Contender(
        name="os.fork of a small process",
        group="print(1+1)",
        open=lambda: driven(python, "bare_fork"),
    )
    yield Contender(
        name=BARE_PANDAS,
        group="pandas",
        open=whole_process(python, "-c", DESCRIBE),
        floor=BARE_PANDAS,
        missing=needs("pandas"),
    )
    yield Contender(
        name=BARE_SUSTAINED,
        group="many",
        open=sustained,
        unit="/s",
        floor=BARE_SUSTAINED,
        most=5,
    )
    yield Contender(
        name=BIG_FORK,
        group="sessions",
        open=lambda: driven(python, "bare_fork", BIG),
        missing=needs("numpy", "pandas"),
    )

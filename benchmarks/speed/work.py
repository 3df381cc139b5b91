"""Work inside the sandbox against the same outside; and imports, as whole processes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ...sandbox import Policy, Sandbox
from .bare import needs, whole_process
from .contender import Contender, expect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from .contender import Operation

_WORK = (
    ("sum of squares", "", "sum(n * n for n in range(3_000_000))"),
    ("sorting text", "import random", "sorted(str(random.random()) for _ in range(400_000))"),
    (
        "pandas group-by",
        "import numpy, pandas\n"
        "frame = pandas.DataFrame({'k': numpy.arange(3_000_000) % 1000, 'v': 1.5})",
        "for _ in range(5): frame.groupby('k').v.mean()",
    ),
)
_IMPORTS = ("sandbox", "executors", "agents")


def _program(setup: str, code: str) -> str:
    """Times ``code`` itself, without the start of an interpreter."""
    return (
        f"{setup}\nimport time\nstart = time.perf_counter()\n{code}\n"
        "print(time.perf_counter() - start)"
    )


def outside(program: str) -> Callable[[], AbstractAsyncContextManager[Operation]]:
    @asynccontextmanager
    async def setup() -> AsyncGenerator[Operation, None]:
        async def run() -> float:
            argv = [sys.executable, "-c", program]
            done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)  # noqa: ASYNC221
            return float(done.stdout)

        yield run

    return setup


def inside(program: str) -> Callable[[], AbstractAsyncContextManager[Operation]]:
    @asynccontextmanager
    async def setup() -> AsyncGenerator[Operation, None]:
        async with Sandbox(Policy(timeout=60)) as box:

            async def run() -> float:
                result = await box.run(program)
                expect(result)
                return float(result.stdout)

            yield run

    return setup


def work() -> Iterator[Contender]:
    """All of it."""
    for name, setup, code in _WORK:
        program, floor = _program(setup, code), f"{name}, outside"
        missing = needs("pandas") if "pandas" in setup else needs()
        yield Contender(
            name=floor,
            group="work",
            open=outside(program),
            floor=floor,
            missing=missing,
            most=5,
        )
        yield Contender(
            name=f"{name}, in sandcrew",
            group="work",
            open=inside(program),
            floor=floor,
            missing=missing,
            most=5,
        )
    root = __name__.partition(".")[0]
    for module in _IMPORTS:
        name = f"import {root}.{module}"
        yield Contender(name=name, group="imports", open=whole_process(sys.executable, "-c", name))

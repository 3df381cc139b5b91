"""What live interpreters cost: a cell, a branch, and many that wait."""

from __future__ import annotations

import statistics
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from ...sandbox import Policy, Sandbox
from .bare import BIG, BIG_FORK, needs
from .contender import Contender, Target, expect
from .memory import below_this_process, held

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from ...sandbox import Session
    from .contender import Operation

KERNEL_CELL = "Jupyter kernel: a cell, of 20 in a row"
_IN_A_ROW = 20
_IDLE = 1000
_GROUP = "sessions"


def cell(in_a_row: int = _IN_A_ROW) -> Callable[[], AbstractAsyncContextManager[Operation]]:
    """One cell in a live session: the median of so many, one after another."""

    @asynccontextmanager
    async def setup() -> AsyncGenerator[Operation, None]:
        async with sandbox() as box, box.session() as session:

            async def run() -> float:
                times: list[float] = []
                for _ in range(in_a_row):
                    start = time.perf_counter()
                    expect(await session.run("print(1+1)"), "2\n")
                    times.append(time.perf_counter() - start)
                return statistics.median(times)

            yield run

    return setup


@asynccontextmanager
async def branch_to_answer() -> AsyncGenerator[Operation, None]:
    """A branch of a session that holds 500 MB, until its first cell has answered."""
    async with big_session() as session:

        async def run() -> float:
            start = time.perf_counter()
            async with session.branch() as branch:
                expect(await branch.run("print(len(frame))"), f"{500 << 17}\n")
                return time.perf_counter() - start

        yield run


@asynccontextmanager
async def branch_memory() -> AsyncGenerator[Operation, None]:
    """What of a branch's memory is its own after its first cell, beside what its parent holds."""
    before = below_this_process()
    async with big_session() as session:
        parent = below_this_process() - before

        async def run() -> float:
            others = below_this_process()
            async with session.branch() as branch:
                expect(await branch.run("print(len(frame))"))
                private = held(below_this_process() - others, "Private_Clean", "Private_Dirty")
                return private / held(parent, "Rss")

        yield run


@asynccontextmanager
async def idle() -> AsyncGenerator[Operation, None]:
    """Proportional memory of each of many sessions that have run a cell and wait."""

    async def open_all() -> float:
        async with sandbox() as box, AsyncExitStack() as stack:
            before = below_this_process()
            for _ in range(_IDLE):
                session = await stack.enter_async_context(box.session())
                expect(await session.run("print(1+1)"), "2\n")
            return held(below_this_process() - before, "Pss") / _IDLE

    yield open_all


@asynccontextmanager
async def sandbox() -> AsyncGenerator[Sandbox, None]:
    async with Sandbox(Policy(timeout=60, memory="4GiB")) as box:
        yield box


@asynccontextmanager
async def big_session() -> AsyncGenerator[Session, None]:
    async with sandbox() as box, box.session() as session:
        expect(await session.run(BIG))
        yield session


def sessions() -> Iterator[Contender]:
    """All of them."""
    yield Contender(
        name="sandcrew: a session's cell after a pause",
        group=_GROUP,
        open=cell(1),
    )
    yield Contender(
        name=f"sandcrew: a session's cell, of {_IN_A_ROW} in a row",
        group=_GROUP,
        open=cell(),
        target=Target("measure", "≤", 0.0005),
    )
    yield Contender(
        name="sandcrew: the same, against Jupyter's",
        group=_GROUP,
        open=cell(),
        floor=KERNEL_CELL,
        target=Target("ratio", "≤", 1 / 10),
    )
    yield Contender(
        name="sandcrew: a branch of 500 MB, to its first answer",
        group=_GROUP,
        open=branch_to_answer,
        floor=BIG_FORK,
        target=Target("measure", "≤", 0.005),
        missing=needs("numpy", "pandas"),
    )
    yield Contender(
        name="sandcrew: a branch of 500 MB, private memory",
        group=_GROUP,
        open=branch_memory,
        unit="share",
        floor=None,
        target=Target("measure", "≤", 0.05),
        missing=needs("numpy", "pandas"),
        most=3,
    )
    yield Contender(
        name=f"sandcrew: one of {_IDLE:,} idle sessions",
        group=_GROUP,
        open=idle,
        unit="B",
        floor=None,
        target=Target("measure", "≤", 3 << 20),
        most=1,
    )

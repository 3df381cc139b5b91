"""What live interpreters cost: a cell, a branch, and many that wait."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from ...sandbox import Policy, Sandbox
from .bare import BIG, BIG_FORK, needs
from .contender import Contender, Target, expect
from .memory import below_this_process, held

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from .contender import Operation

KERNEL_CELL = "Jupyter kernel: a cell"
_IDLE = 1000
_GROUP = "sessions"


@asynccontextmanager
async def cell() -> AsyncGenerator[Operation, None]:
    """One cell in a live session."""
    async with sandbox() as box, box.session() as session:

        async def run() -> None:
            expect(await session.run("print(1+1)"), "2\n")

        yield run


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
async def sandbox() -> AsyncGenerator[Any, None]:
    async with Sandbox(Policy(timeout=60, memory="4GiB")) as box:
        yield box


@asynccontextmanager
async def big_session() -> AsyncGenerator[Any, None]:
    async with sandbox() as box, box.session() as session:
        expect(await session.run(BIG))
        yield session


def has_sessions() -> str | None:
    return None if hasattr(cast("Any", Sandbox), "session") else "Sandbox has no sessions yet"


def has_pandas_too() -> str | None:
    return has_sessions() or needs("pandas")()


def sessions() -> Iterator[Contender]:
    """All of them."""
    yield Contender(
        name="sandcrew: a session's cell",
        group=_GROUP,
        open=cell,
        target=Target("measure", "≤", 0.0005),
        missing=has_sessions,
    )
    yield Contender(
        name="sandcrew: a session's cell, against Jupyter's",
        group=_GROUP,
        open=cell,
        floor=KERNEL_CELL,
        target=Target("ratio", "≤", 1 / 10),
        missing=has_sessions,
    )
    yield Contender(
        name="sandcrew: a branch of 500 MB, to its first answer",
        group=_GROUP,
        open=branch_to_answer,
        floor=BIG_FORK,
        target=Target("measure", "≤", 0.005),
        missing=has_pandas_too,
    )
    yield Contender(
        name="sandcrew: a branch of 500 MB, private memory",
        group=_GROUP,
        open=branch_memory,
        unit="share",
        floor=None,
        target=Target("measure", "≤", 0.05),
        missing=has_pandas_too,
        most=3,
    )
    yield Contender(
        name=f"sandcrew: one of {_IDLE:,} idle sessions",
        group=_GROUP,
        open=idle,
        unit="B",
        floor=None,
        target=Target("measure", "≤", 3 << 20),
        missing=has_sessions,
        most=1,
    )

"""What runs in the sandbox cost, every layer on."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ...sandbox import Policy, Sandbox
from .bare import BARE_PANDAS, BARE_SUSTAINED, CODE, DESCRIBE, SUSTAINED, needs, whole_process
from .contender import Contender, Target, expect
from .driver import driven

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from .contender import Operation

_ROOT = __name__.partition(".")[0]
_IN_FLIGHT = 8
_GUESTS = 200


def runs_of(code: str, policy: Policy) -> Callable[[], AbstractAsyncContextManager[Operation]]:
    """One run on a started sandbox."""

    @asynccontextmanager
    async def setup() -> AsyncGenerator[Operation, None]:
        async with Sandbox(policy) as box:

            async def run() -> None:
                expect(await box.run(code))

            yield run

    return setup


@asynccontextmanager
async def new_sandbox() -> AsyncGenerator[Operation, None]:
    """A new sandbox in this process, until its first result; it is closed untimed."""

    async def run() -> float:
        start = time.perf_counter()
        async with Sandbox(Policy(timeout=30)) as box:
            expect(await box.run(CODE), "2\n")
            return time.perf_counter() - start

    yield run


@asynccontextmanager
async def sustained() -> AsyncGenerator[Operation, None]:
    """Fresh runs a second, a few in flight."""
    async with Sandbox(Policy(timeout=30)) as box:

        async def one_after_another(until: float) -> int:
            count = 0
            while time.perf_counter() < until:
                expect(await box.run(CODE), "2\n")
                count += 1
            return count

        async def count() -> float:
            start = time.perf_counter()
            until = start + SUSTAINED
            counts = await asyncio.gather(*(one_after_another(until) for _ in range(_IN_FLIGHT)))
            return sum(counts) / (time.perf_counter() - start)

        yield count


@asynccontextmanager
async def hundred_at_once() -> AsyncGenerator[Operation, None]:
    """A hundred fresh runs asked for at one time, until the last answer."""
    async with Sandbox(Policy(timeout=30)) as box:

        async def run() -> None:
            for result in await asyncio.gather(*(box.run(CODE) for _ in range(100))):
                expect(result, "2\n")

        yield run


@asynccontextmanager
async def stopping() -> AsyncGenerator[Operation, None]:
    """Closing a sandbox in which so many guests run."""

    async def run() -> float:
        box = Sandbox(Policy(timeout=60))
        await box.start()
        alive = 0

        async def guest() -> None:
            nonlocal alive
            async for _ in box.stream("print('up', flush=True)\nimport time; time.sleep(60)"):
                alive += 1

        guests = [asyncio.ensure_future(guest()) for _ in range(_GUESTS)]
        while alive < _GUESTS:
            await asyncio.sleep(0.05)
            for ended in guests:
                if ended.done():
                    ended.result()
        start = time.perf_counter()
        await box.close()
        took = time.perf_counter() - start
        await asyncio.gather(*guests, return_exceptions=True)
        return took

    yield run


def runs() -> Iterator[Contender]:
    """All of them."""
    python, policy = sys.executable, Policy(timeout=30)
    yield Contender(
        name="sandcrew: a run",
        group="print(1+1)",
        open=runs_of(CODE, policy),
        target=Target("ratio", "≤", 1 / 4),
    )
    yield Contender(
        name="sandcrew: a new process, Sandbox() to answer",
        group="print(1+1)",
        open=lambda: driven(python, "cold", _ROOT),
        target=Target("measure", "≤", 0.06),
        most=15,
    )
    yield Contender(name="sandcrew: a new Sandbox", group="print(1+1)", open=new_sandbox, most=15)
    yield Contender(
        name="sandcrew exec, the whole process",
        group="print(1+1)",
        open=whole_process(python, "-m", _ROOT, "exec", "-", output=b"2\n", stdin=CODE.encode()),
        most=15,
    )
    yield Contender(
        name="sandcrew: a run, pandas preloaded",
        group="pandas",
        open=runs_of(DESCRIBE, policy.replace(preload=["pandas"])),
        floor=BARE_PANDAS,
        target=Target("ratio", "≤", 1 / 30),
        missing=needs("pandas"),
    )
    yield Contender(
        name="sandcrew: runs, eight in flight",
        group="many",
        open=sustained,
        unit="/s",
        floor=BARE_SUSTAINED,
        target=Target("measure", "≥", 250),
        most=5,
    )
    yield Contender(
        name="sandcrew: 100 runs at once",
        group="many",
        open=hundred_at_once,
        target=Target("measure", "≤", 0.5),
        most=5,
    )
    yield Contender(
        name=f"sandcrew: closing with {_GUESTS} guests",
        group="many",
        open=stopping,
        target=Target("measure", "≤", 1.0),
        most=3,
    )

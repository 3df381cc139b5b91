"""What executors cost, one beside the other: a block, a start, a stop, many blocks at once."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ...executors import CodeBlock, create_executor
from .bare import BARE_SUSTAINED
from .contender import BARE, Contender, Target, expect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from ...executors import CodeExecutor
    from .contender import Operation, Unit

BLOCKS, IN_FLIGHT = 200, 32
BLOCK, START, STOP = "a block", "start to answer", "stop"
BURST = f"{BLOCKS} blocks, {IN_FLIGHT} in flight"
TARGETS = {
    BLOCK: Target("ratio", "≤", 1 / 10),
    START: Target("ratio", "≤", 1),
    STOP: Target("ratio", "≤", 1 / 20),
    BURST: Target("ratio", "≥", 10),
}
"""Of an executor of containers, beside AutoGen's with the same image."""
IMAGE = "SANDCREW_BENCH_IMAGE"
"""The variable that names the image of all rows with containers."""


def _new(name: str) -> CodeExecutor:
    """An executor; of containers, with the image that its peer is told too."""
    image = os.environ.get(IMAGE)
    return create_executor(name, **({"image": image} if image and name == "docker" else {}))


async def _answers(executor: CodeExecutor, number: int = 1) -> None:
    """Each block is another, so that a lost or mixed up answer shows."""
    result = await executor.execute_code_blocks([CodeBlock(f"print({number}+1)", "python")])
    expect(result, f"{number + 1}\n")


def block(name: str) -> Callable[[], AbstractAsyncContextManager[Operation]]:
    """One block on a started executor."""

    @asynccontextmanager
    async def setup() -> AsyncGenerator[Operation, None]:
        async with _new(name) as executor:
            yield lambda: _answers(executor)

    return setup


def start(name: str) -> Callable[[], AbstractAsyncContextManager[Operation]]:
    """A new executor until its first answer; it is stopped untimed."""

    @asynccontextmanager
    async def setup() -> AsyncGenerator[Operation, None]:
        async def run() -> float:
            begin = time.perf_counter()
            async with _new(name) as executor:
                await _answers(executor)
                return time.perf_counter() - begin

        yield run

    return setup


def stop(name: str) -> Callable[[], AbstractAsyncContextManager[Operation]]:
    """The stop of an executor that has answered."""

    @asynccontextmanager
    async def setup() -> AsyncGenerator[Operation, None]:
        async def run() -> float:
            async with _new(name) as executor:
                await _answers(executor)
                begin = time.perf_counter()
                await executor.stop()
                return time.perf_counter() - begin

        yield run

    return setup


def burst(name: str) -> Callable[[], AbstractAsyncContextManager[Operation]]:
    """Blocks a second of 200 different ones with 32 in flight."""

    @asynccontextmanager
    async def setup() -> AsyncGenerator[Operation, None]:
        async with _new(name) as executor:

            async def run() -> float:
                places = asyncio.Semaphore(IN_FLIGHT)

                async def one(number: int) -> None:
                    async with places:
                        await _answers(executor, number)

                begin = time.perf_counter()
                await asyncio.gather(*(one(number) for number in range(BLOCKS)))
                return BLOCKS / (time.perf_counter() - begin)

            yield run

    return setup


def executor_rows(name: str) -> Iterator[Contender]:
    """Four rows for the executor that :func:`create_executor` knows as ``name``."""
    yield _row(name, BLOCK, block)
    yield _row(name, START, start, most=5)
    yield _row(name, STOP, stop, most=5)
    yield _row(name, BURST, burst, most=3, unit="/s")


def _row(
    name: str,
    label: str,
    setup: Callable[[str], Callable[[], AbstractAsyncContextManager[Operation]]],
    most: int | None = None,
    unit: Unit = "s",
) -> Contender:
    """One row, beside AutoGen's where that has an executor of the same kind."""
    target = TARGETS[label] if name == "docker" else None
    floor = BARE if unit == "s" else BARE_SUSTAINED
    return Contender(
        name=f"sandcrew {name}: {label}",
        group="executors",
        open=setup(name),
        unit=unit,
        floor=floor if target is None else autogen_row(name, label),
        target=target,
        most=most,
    )


def autogen_row(kind: str, label: str) -> str:
    """The name of a row of AutoGen's executor."""
    return f"AutoGen {kind}: {label}"

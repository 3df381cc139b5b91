"""What Jupyter kernels cost: confined ones, beside bare ones that jupyter_client runs."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...executors import CodeBlock, JupyterCodeExecutor
from .bare import needs
from .contender import Contender, Target, expect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from .contender import Operation

_GROUP = "kernels"
_ADD = "print(1+1)"
_PRINT = "for _ in range(100): print('x' * 104_857)"
"""10 MB, in lines."""
_AT_ONCE = 20
_BARE_START, _BARE_CELL = "bare kernel: start", "bare kernel: a cell"
_BARE_PRINT = "bare kernel: 10 MB printed"


@asynccontextmanager
async def bare_start() -> AsyncGenerator[Operation, None]:
    async def start() -> float:
        begun = time.perf_counter()
        async with _bare():
            return time.perf_counter() - begun

    yield start


def bare_cell(code: str) -> Any:
    @asynccontextmanager
    async def cell() -> AsyncGenerator[Operation, None]:
        async with _bare() as client:

            async def run() -> None:
                heard: list[Any] = []
                await client.execute_interactive(code, output_hook=heard.append)

            yield run

    return cell


@asynccontextmanager
async def _bare() -> AsyncGenerator[Any, None]:
    """A client of a kernel on this host, as jupyter_client makes both by default."""
    manager, client = await import_module("jupyter_client.manager").start_new_async_kernel()
    try:
        yield client
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


@asynccontextmanager
async def cold_start() -> AsyncGenerator[Operation, None]:
    """A kernel in a sandbox of its own, which is made first."""

    async def start() -> float:
        begun = time.perf_counter()
        async with JupyterCodeExecutor():
            return time.perf_counter() - begun

    yield start


@asynccontextmanager
async def warm_start() -> AsyncGenerator[Operation, None]:
    """A new kernel in a sandbox that is there; the end of the old one is counted too."""
    async with JupyterCodeExecutor() as executor:
        yield executor.restart


def confined_cell(code: str) -> Any:
    @asynccontextmanager
    async def cell() -> AsyncGenerator[Operation, None]:
        async with JupyterCodeExecutor() as executor:

            async def run() -> None:
                expect(await executor.execute_code_blocks([CodeBlock(code, "python")]))

            yield run

    return cell


@asynccontextmanager
async def at_once() -> AsyncGenerator[Operation, None]:
    """Many kernels, each in a sandbox of its own, until the last has answered."""

    async def start() -> float:
        begun = time.perf_counter()
        executors = [JupyterCodeExecutor() for _ in range(_AT_ONCE)]
        try:
            await asyncio.gather(*(executor.start() for executor in executors))
            return time.perf_counter() - begun
        finally:
            await asyncio.gather(*(executor.stop() for executor in executors))

    yield start


def kernels() -> Iterator[Contender]:
    """Each kind of kernel beside the bare one."""

    def row(name: str, open_: Any, floor: str | None = None, bound: float = 0, **more: Any) -> Any:
        target = Target("ratio", "≤", bound) if bound else None
        return Contender(
            name=name,
            group=_GROUP,
            open=open_,
            floor=floor,
            target=target,
            missing=needs("ipykernel", "jupyter_client"),
            **more,
        )

    yield row(_BARE_START, bare_start, most=10)
    yield row("confined kernel: start, sandbox and all", cold_start, _BARE_START, 1.3, most=10)
    yield row("confined kernel: start in a sandbox", warm_start, _BARE_START, 1.3, most=10)
    yield row(_BARE_CELL, bare_cell(_ADD))
    yield row("confined kernel: a cell", confined_cell(_ADD), _BARE_CELL, 1.1)
    yield row(_BARE_PRINT, bare_cell(_PRINT), most=10)
    yield row("confined kernel: 10 MB printed", confined_cell(_PRINT), _BARE_PRINT, 1.5, most=10)
    yield row(f"{_AT_ONCE} confined kernels at once", at_once, most=1)

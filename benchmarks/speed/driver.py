"""Measures in another process: a floor that must be small, or a peer in its own environment."""

from __future__ import annotations

import asyncio
import contextlib
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .contender import Operation

_DRIVERS = Path(__file__).parent / "drivers"
_START = 120.0
_END = 30.0


@asynccontextmanager
async def driven(python: str, driver: str, *arguments: str) -> AsyncGenerator[Operation, None]:
    """Run ``drivers/<driver>.py`` by ``python``; it measures itself each time it is asked to.

    Raises
    ------
    RuntimeError
        The driver ended; with the last line of its standard error.
    """
    process = await asyncio.create_subprocess_exec(
        python,
        str(_DRIVERS / f"{driver}.py"),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.ensure_future(process.stderr.read())

    async def answer() -> float:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            words = (await errors).decode("utf-8", "replace").strip().splitlines()
            raise RuntimeError(words[-1] if words else f"the driver {driver} ended")
        return float(json.loads(line))

    async def operation() -> float:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        await process.stdin.drain()
        return await answer()

    try:
        await asyncio.wait_for(answer(), _START)
        yield operation
    finally:
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _END)
        if process.returncode is None:
            process.kill()
            await process.wait()
        errors.cancel()

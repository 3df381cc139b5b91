"""The conversation of a driver with the benchmark, on its standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable

Operation = Callable[[], float | None]
AsyncOperation = Callable[[], Awaitable[float | None]]


def serve(operation: Operation) -> None:
    """Answer each line of standard input with one measure, until it ends."""
    say = _answers()
    for _ in sys.stdin:
        start = time.perf_counter()
        measure = operation()
        say(time.perf_counter() - start if measure is None else measure)


async def serve_async(operation: AsyncOperation) -> None:
    """The same on an event loop."""
    say = _answers()
    while await asyncio.to_thread(sys.stdin.readline):
        start = time.perf_counter()
        measure = await operation()
        say(time.perf_counter() - start if measure is None else measure)


def _answers() -> Callable[[float], None]:
    """A way to the benchmark that nothing the peer prints can get into; says that it is ready."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(measure: float) -> None:
        out.write(json.dumps(measure) + "\n")
        out.flush()

    say(0.0)
    return say

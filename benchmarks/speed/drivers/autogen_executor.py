"""``autogen_executor.py local|docker|jupyter block|start|stop|burst``: AutoGen's executors."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import tempfile
import time
import warnings
from typing import Any

_MODULES = {
    "local": ("autogen_ext.code_executors.local", "LocalCommandLineCodeExecutor"),
    "docker": ("autogen_ext.code_executors.docker", "DockerCommandLineCodeExecutor"),
    "jupyter": ("autogen_ext.code_executors.jupyter", "JupyterCodeExecutor"),
}
_BLOCKS, _IN_FLIGHT = 200, 32


def new(kind: str, place: str) -> Any:
    """An executor with a folder of its own in ``place``."""
    module, name = _MODULES[kind]
    folder = tempfile.mkdtemp(dir=place)
    options: dict[str, Any] = {"jupyter": {"output_dir": folder}}.get(kind, {"work_dir": folder})
    image = os.environ.get("SANDCREW_BENCH_IMAGE")
    if image and kind == "docker":
        options["image"] = image
    return getattr(importlib.import_module(module), name)(**options)


async def answers(executor: Any, number: int = 1) -> bool:
    core = importlib.import_module("autogen_core")
    block = importlib.import_module("autogen_core.code_executor").CodeBlock(
        code=f"print({number}+1)", language="python"
    )
    result = await executor.execute_code_blocks([block], core.CancellationToken())
    return bool(result.output.strip() == str(number + 1))


async def block(executor: Any) -> None:
    assert await answers(executor)


async def burst(executor: Any) -> float:
    """Blocks a second; wrong answers are said on standard error and counted as they are."""
    places = asyncio.Semaphore(_IN_FLIGHT)

    async def one(number: int) -> bool:
        async with places:
            return await answers(executor, number)

    start = time.perf_counter()
    right = await asyncio.gather(
        *(one(number) for number in range(_BLOCKS)), return_exceptions=True
    )
    took = time.perf_counter() - start
    wrong = sum(item is not True for item in right)
    if wrong:
        raise SystemExit(f"{wrong} of {_BLOCKS} answers were wrong or errors")
    return _BLOCKS / took


async def whole_life(kind: str, place: str, what: str) -> float:
    begin = time.perf_counter()
    executor = new(kind, place)
    await executor.start()
    assert await answers(executor)
    answered = time.perf_counter()
    await executor.stop()
    return answered - begin if what == "start" else time.perf_counter() - answered


async def main(kind: str, what: str) -> None:
    with tempfile.TemporaryDirectory(prefix="sandcrew-bench-") as place:
        await measure(kind, place, what)


async def measure(kind: str, place: str, what: str) -> None:
    from serving import serve_async

    if what in ("start", "stop"):
        await serve_async(lambda: whole_life(kind, place, what))
        return
    executor = new(kind, place)
    await executor.start()
    operation = block if what == "block" else burst
    try:
        await serve_async(lambda: operation(executor))
    finally:
        await executor.stop()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    asyncio.run(main(*sys.argv[1:]))

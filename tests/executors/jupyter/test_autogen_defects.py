"""What AutoGen 0.7.5's Jupyter executor does wrong: the same checks, on ours and on AutoGen's.

Ours passes each of them. Where ``autogen-ext[jupyter-executor]==0.7.5`` is installed, its executor
runs them too, and is seen to fail each in the way that is written here; see CONTRIBUTING.md.
"""

from __future__ import annotations

import asyncio
import shutil
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from sandcrew import executors


@dataclass(frozen=True)
class Library:
    """The public names that both have, each with the same signature."""

    executor: Any
    code_block: Any
    token: Any

    @asynccontextmanager
    async def kernel(self, timeout: int) -> AsyncGenerator[Kernel]:
        async with self.executor(timeout=timeout) as executor:
            try:
                yield Kernel(self, executor)
            finally:
                if self is not OURS:
                    shutil.rmtree(executor.output_dir)  # which it leaves


@dataclass(frozen=True)
class Kernel:
    library: Library
    executor: Any

    async def run(self, code: str, token: Any = None) -> Any:
        block = self.library.code_block(code=code, language="python")
        return await self.executor.execute_code_blocks([block], token or self.library.token())

    async def prints(self, code: str) -> str:
        return str((await self.run(f"print({code})")).output).strip()


OURS = Library(executors.JupyterCodeExecutor, executors.CodeBlock, executors.CancellationToken)
ENDLESS = "import time\nwhile True: ticks += 1; time.sleep(0.001)"


async def keeps_variables(library: Library) -> None:
    """What both can do: without it, a failure below would say nothing."""
    async with library.kernel(timeout=30) as kernel:
        await kernel.run("x = 41")
        assert await kernel.prints("x + 1") == "42"


async def keeps_its_state_after_a_time_limit(library: Library) -> None:
    async with library.kernel(timeout=1) as kernel:
        await kernel.run("x = 41; ticks = 0")
        with suppress(TimeoutError):  # a result, or an exception: that is not the point here
            await kernel.run(ENDLESS)
        assert await kernel.prints("x + 1") == "42"


async def interrupts_a_cell_that_is_cancelled(library: Library) -> None:
    async with library.kernel(timeout=3) as kernel:
        await kernel.run("x = 41; ticks = 0")
        token = library.token()
        running = asyncio.create_task(kernel.run(ENDLESS, token))
        await asyncio.sleep(0.5)
        token.cancel()
        await asyncio.wait([running])
        ticks = await kernel.prints("ticks")
        await asyncio.sleep(0.05)
        assert await kernel.prints("ticks") == ticks
        assert await kernel.prints("x + 1") == "42"


async def tells_of_a_time_limit_in_a_result(library: Library) -> None:
    async with library.kernel(timeout=1) as kernel:
        result = await kernel.run("import time\nprint('begun')\ntime.sleep(60)")
        assert (result.exit_code, "begun" in result.output) == (124, True)


async def tells_of_a_death_in_a_result(library: Library) -> None:
    async with library.kernel(timeout=30) as kernel:
        assert (await kernel.run("import os; os._exit(7)")).exit_code != 0


async def has_a_new_kernel_after_a_death(library: Library) -> None:
    async with library.kernel(timeout=5) as kernel:
        with suppress(Exception):
            await kernel.run("import os; os._exit(7)")
        assert await kernel.prints("6 * 7") == "42"


async def runs_overlapping_calls_one_after_another(library: Library) -> None:
    async with library.kernel(timeout=5) as kernel:
        await kernel.run("seen = []")
        calls = [kernel.prints(f"seen.append({n}) or len(seen)") for n in range(8)]
        assert await asyncio.gather(*calls) == [str(n) for n in range(1, 9)]


Behaviour = Callable[[Library], Awaitable[None]]
OF_AUTOGEN: dict[Behaviour, type[Exception]] = {
    keeps_its_state_after_a_time_limit: TimeoutError,
    interrupts_a_cell_that_is_cancelled: TimeoutError,
    tells_of_a_time_limit_in_a_result: TimeoutError,
    tells_of_a_death_in_a_result: RuntimeError,
    has_a_new_kernel_after_a_death: RuntimeError,
    runs_overlapping_calls_one_after_another: TimeoutError,
}
"""State, interruption, death and turns, and what AutoGen's executor raises there: nbclient's
DeadKernelError is a RuntimeError."""


@pytest.fixture
def autogen() -> Library:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it imports
        why = "AutoGen's executor, to compare with: CONTRIBUTING.md"
        jupyter = pytest.importorskip("autogen_ext.code_executors.jupyter", reason=why)
    return Library(
        jupyter.JupyterCodeExecutor,
        import_module("autogen_core.code_executor").CodeBlock,
        import_module("autogen_core").CancellationToken,
    )


@pytest.mark.parametrize("behaviour", [keeps_variables, *OF_AUTOGEN], ids=lambda b: b.__name__)
async def test_the_confined_kernel(behaviour: Behaviour) -> None:
    await behaviour(OURS)


async def test_the_kernel_of_autogen_keeps_variables(autogen: Library) -> None:
    await keeps_variables(autogen)


@pytest.mark.filterwarnings("ignore")  # AutoGen's own
@pytest.mark.parametrize("behaviour", OF_AUTOGEN, ids=lambda b: b.__name__)
async def test_autogen_fails(autogen: Library, behaviour: Behaviour) -> None:
    with pytest.raises(OF_AUTOGEN[behaviour]):
        await behaviour(autogen)

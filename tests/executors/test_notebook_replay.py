"""A notebook is run again, to have its state in a fresh session."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import pytest

from sandcrew.executors import (
    CodeBlock,
    JupyterCodeExecutor,
    NotebookRecord,
    SandboxCodeExecutor,
    UsageError,
    replay,
)
from sandcrew.sandbox import Sandbox, Session

nbformat: Any = import_module("nbformat")  # it is not typed
Target = JupyterCodeExecutor | Session


@asynccontextmanager
async def fresh_kernel() -> AsyncGenerator[Target]:
    async with JupyterCodeExecutor() as executor:
        yield executor


@asynccontextmanager
async def fresh_session() -> AsyncGenerator[Target]:
    async with Sandbox() as box, box.session() as session:
        yield session


async def run(target: Target, code: str) -> Any:
    if isinstance(target, Session):
        return await target.run(code)
    return await target.execute_code_blocks([CodeBlock(code, "python")])


async def recorded(target: Target, *cells: str) -> bytes:
    notebook = NotebookRecord("To be replayed")
    for code in cells:
        notebook.add_run(code, await run(target, code))
    return notebook.to_bytes()


def never_run(*cells: str) -> bytes:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    return bytes(nbformat.writes(made).encode())


either = pytest.mark.parametrize("fresh", [fresh_kernel, fresh_session])


@either
async def test_a_notebook_gives_a_fresh_session_its_state_again(fresh: Callable[[], Any]) -> None:
    async with fresh() as target:
        saved = await recorded(target, "x = [41]", "print('one'); x.append(x[0] + 1); x", "x[1]")
    async with fresh() as target:
        again = await replay(saved, target)
        found = await run(target, "print(x)")
    assert (again.failed, again.differing, again.restored) == (None, (), True)
    assert list(again.results) == [2, 3, 4]
    assert found.stdout == "[41, 42]\n"


@either
async def test_what_cannot_be_restored_is_named(fresh: Callable[[], Any]) -> None:
    chance = "import random, time; seed = random.SystemRandom().random(); print(seed)"
    async with fresh() as target:
        saved = await recorded(target, "x = 1", chance, "time.time_ns()", "print(x)")
    async with fresh() as target:
        again = await replay(saved, target)
        found = await run(target, "print(x)")
    assert (again.failed, again.differing, again.restored) == (None, (3, 4), False)
    assert found.stdout == "1\n"


@either
async def test_a_cell_that_had_failed_may_fail_again_and_the_rest_is_run(
    fresh: Callable[[], Any],
) -> None:
    async with fresh() as target:
        saved = await recorded(target, "x = 1", "print('so far'); 1 / 0", "x += 1")
    async with fresh() as target:
        again = await replay(saved, target)
        found = await run(target, "print(x)")
    assert again.restored
    assert again.results[3].exit_code == 1
    assert found.stdout == "2\n"


@either
async def test_a_cell_that_only_now_fails_ends_it_and_is_named(fresh: Callable[[], Any]) -> None:
    read = "text = open('made-by-hand.csv').read()"
    async with fresh() as target:
        again = await replay(never_run("x = 1", read, "x = 2"), target)
        found = await run(target, "print(x)")
    assert (again.failed, list(again.results), again.restored) == (2, [1, 2], False)
    assert "made-by-hand.csv" in again.results[2].output
    assert found.stdout == "1\n"


async def test_magics_and_shell_lines_are_for_kernels_and_refused_before_anything_runs() -> None:
    magic = never_run("x = 41", "%cd /tmp\nx += 1", "!echo made > file")
    async with fresh_kernel() as target:
        assert (await replay(magic, target)).failed is None
        assert (await run(target, "import os; print(x, os.getcwd())")).output == "42 /tmp\n"
    async with fresh_session() as target:
        with pytest.raises(UsageError, match="%cd"):
            await replay(magic, target)
        assert (await run(target, "print('x' in globals())")).output == "False\n"
        assert (await replay(never_run("!echo made > file"), target)).failed is None
        assert (await run(target, "print(open('file').read())")).output == "made\n\n"


async def test_an_executor_that_keeps_nothing_cannot_have_a_state_again() -> None:
    async with SandboxCodeExecutor() as executor:
        with pytest.raises(UsageError, match="keeps no state"):
            await replay(never_run("x = 1"), executor)

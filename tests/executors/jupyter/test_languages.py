"""Kernels of other languages than Python."""

from __future__ import annotations

import pytest

from sandcrew.executors import CodeBlock, CodeResult, JupyterCodeExecutor
from sandcrew.executors.jupyter.executor import Where


async def run(executor: JupyterCodeExecutor, code: str, language: str) -> CodeResult:
    return await executor.execute_code_blocks([CodeBlock(code, language)])


async def test_a_confined_kernel_of_scheme_keeps_its_definitions() -> None:
    async with JupyterCodeExecutor("calysto_scheme") as executor:
        await run(executor, "(define x 41)", "scheme")
        result = await run(executor, "(+ x 1)", "scheme")
        failed = await run(executor, "(car 5)", "scheme")
    assert (result.exit_code, result.output) == (0, "42\n")
    assert "seccomp" in result.isolation
    assert "car" in failed.output


@pytest.mark.parametrize("where", ["sandbox", "local"])
@pytest.mark.filterwarnings("ignore:JupyterCodeExecutor")
async def test_a_kernel_of_bash_keeps_its_variables(bash_kernel: str, where: Where) -> None:
    async with JupyterCodeExecutor(bash_kernel, where=where) as executor:
        await run(executor, "x=41; cd /", "bash")
        result = await run(executor, 'echo $((x + 1)) "$PWD"', "bash")
        failed = await run(executor, "exit_with() { return $1; }; exit_with 7", "bash")
    assert result.output == "42 /\n"
    assert failed.exit_code != 0
    assert ("seccomp" in result.isolation) == (where == "sandbox")


async def test_a_confined_kernel_of_bash_is_interrupted_in_its_terminal(bash_kernel: str) -> None:
    async with JupyterCodeExecutor(bash_kernel, timeout=2) as executor:
        await run(executor, "x=41", "bash")
        stopped = await run(executor, "echo begun; sleep 100", "bash")
        result = await run(executor, "echo $((x + 1)) $(ls /dev/pts)", "bash")
    assert (stopped.timed_out, result.output) == (True, "42 0 ptmx\n")


async def test_a_block_in_another_language_than_the_kernel_s_is_refused() -> None:
    executor = JupyterCodeExecutor("calysto_scheme")
    async with executor:
        result = await run(executor, "print(1)", "python")
    assert result.exit_code == 1
    assert "python" in result.output
    assert "scheme" in result.output

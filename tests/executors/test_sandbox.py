"""The sandbox executor keeps the contract, and what is its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sandcrew.executors import CodeBlock, SandboxCodeExecutor
from sandcrew.executors.testing import CodeExecutorContract
from sandcrew.sandbox import Policy, PolicyError

# Guests that root starts own nothing, so root's own interpreter may be out of their reach.
_LANDLOCK = Policy(profile="landlock", python="/usr/bin/python3" if os.geteuid() == 0 else None)


class TestSandboxExecutorContract(CodeExecutorContract):
    def make_executor(self, **options: Any) -> SandboxCodeExecutor:
        return SandboxCodeExecutor(**options)


class TestLandlockExecutorContract(CodeExecutorContract):
    """The same where namespaces are forbidden."""

    def make_executor(self, **options: Any) -> SandboxCodeExecutor:
        return SandboxCodeExecutor(_LANDLOCK, **options)


async def test_results_say_which_layers_were_on() -> None:
    async with SandboxCodeExecutor() as executor:
        result = await executor.execute_code_blocks([CodeBlock("print(1)", "python")])
    assert "seccomp" in result.isolation


async def test_options_go_before_the_policys_keys(tmp_path: Path) -> None:
    policy = Policy(timeout=50, memory="64MiB")
    executor = SandboxCodeExecutor(policy, timeout=5, work_dir=tmp_path)
    assert executor.policy == Policy(timeout=5, memory="64MiB", workdir=tmp_path)


def test_an_option_that_makes_no_sense_is_refused_at_once() -> None:
    with pytest.raises(PolicyError, match="timeout"):
        SandboxCodeExecutor(timeout=-1)


async def test_the_folder_of_the_caller_keeps_what_the_code_wrote(tmp_path: Path) -> None:
    async with SandboxCodeExecutor(work_dir=tmp_path) as executor:
        blocks = [CodeBlock("# filename: pkg/mod.py\nopen('out.txt', 'w').write('x')", "python")]
        result = await executor.execute_code_blocks(blocks)
    assert [artifact.path for artifact in result.artifacts] == ["out.txt", "pkg/mod.py"]
    assert (tmp_path / "out.txt").read_text() == "x"
    assert (tmp_path / "pkg" / "mod.py").exists()

"""The local executor keeps the contract, and what is its own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
import venv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from sandcrew.executors import (
    BackendCrashed,
    BackendUnavailable,
    CodeBlock,
    CommandLineCodeResult,
    LocalCommandLineCodeExecutor,
    UsageError,
)
from sandcrew.executors.testing import CodeExecutorContract


def make(*args: Any, **options: Any) -> LocalCommandLineCodeExecutor:
    with pytest.warns(UserWarning, match="all your rights"):
        return LocalCommandLineCodeExecutor(*args, **options)


class TestLocalExecutorContract(CodeExecutorContract):
    def make_executor(self, **options: Any) -> LocalCommandLineCodeExecutor:
        return make(**options)


async def test_a_temporary_workspace_is_removed_at_stop() -> None:
    executor = make()
    await executor.start()
    folder = executor.work_dir
    assert folder.is_dir()
    await executor.stop()
    assert not folder.exists()


async def test_a_given_work_dir_is_made_and_stays(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    async with make(work_dir=folder) as executor:
        await executor.execute_code_blocks([CodeBlock("open('out.txt', 'w').close()", "python")])
    assert [path.name for path in folder.iterdir()] == ["out.txt"]


async def test_files_of_the_user_are_never_deleted(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("VALUE = 1")
    block = CodeBlock("# filename: new.py\nimport mine; print(mine.VALUE)", "python")
    async with make(work_dir=tmp_path) as executor:
        result = await executor.execute_code_blocks([block])
    assert result.output == "1\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.py", "new.py"]


async def test_the_file_of_a_block_is_kept_on_request(tmp_path: Path) -> None:
    block = CodeBlock("print(__file__)", "python")
    async with make(work_dir=tmp_path, cleanup_temp_files=False) as executor:
        result = await executor.execute_code_blocks([block])
    assert isinstance(result, CommandLineCodeResult)
    assert result.code_file == result.output.strip()
    assert Path(result.output.strip()).read_text() == block.code


async def test_the_code_has_the_caller_s_environment_and_no_isolation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SANDCREW_TEST_SECRET", "visible")
    block = CodeBlock("echo $SANDCREW_TEST_SECRET", "sh")
    async with make() as executor:
        result = await executor.execute_code_blocks([block])
    assert (result.output, result.isolation) == ("visible\n", ())
    assert not executor.confined


async def test_a_virtual_environment_is_used_by_python_and_the_shell(tmp_path: Path) -> None:
    builder = venv.EnvBuilder(with_pip=False, symlinks=True)
    builder.create(tmp_path / "venv")
    context = builder.ensure_directories(tmp_path / "venv")
    blocks = [
        CodeBlock("import sys; print(sys.prefix)", "python"),
        CodeBlock("command -v python", "sh"),
    ]
    async with make(virtual_env_context=context) as executor:
        result = await executor.execute_code_blocks(blocks)
    assert result.output.splitlines() == [str(tmp_path / "venv"), f"{context.bin_path}/python"]


async def test_a_missing_interpreter_is_the_backend_s_failure(tmp_path: Path) -> None:
    context = SimpleNamespace(env_exe=str(tmp_path / "nothing"), bin_path=str(tmp_path))
    async with make(virtual_env_context=context) as executor:
        with pytest.raises(BackendUnavailable, match="No such file"):
            await executor.execute_code_blocks([CodeBlock("", "python")])


async def test_a_supervisor_killed_from_outside_is_the_backend_s_failure() -> None:
    block = CodeBlock("import os, time; os.kill(os.getppid(), 9); time.sleep(3600)", "python")
    async with make() as executor:
        with pytest.raises(BackendCrashed):
            await executor.execute_code_blocks([block])
        result = await executor.execute_code_blocks([CodeBlock("echo 1", "sh")])
    assert result.output == "1\n"


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_time_limit_is_positive(timeout: float) -> None:
    with pytest.raises(UsageError):
        make(timeout=timeout)


async def test_a_work_dir_that_is_a_file_is_the_caller_s_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError):
        await make(work_dir=tmp_path / "file").start()


def test_a_context_that_is_none_is_the_caller_s_mistake() -> None:
    with pytest.raises(UsageError):
        make(virtual_env_context=SimpleNamespace())


async def test_files_need_a_started_executor() -> None:
    with pytest.raises(UsageError):
        await make().list_files()


def open_descriptors() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


async def test_runs_leave_no_descriptor_and_no_child_behind() -> None:
    block = CodeBlock("print(1)", "python")
    async with make() as executor:
        await executor.execute_code_blocks([block])
        before = open_descriptors()
        children = psutil.Process().children()
        await asyncio.gather(*(executor.execute_code_blocks([block]) for _ in range(5)))
        assert open_descriptors() == before
        assert psutil.Process().children() == children


OWNER = """
import asyncio, sys, warnings
warnings.simplefilter("ignore")
from sandcrew.executors import LocalCommandLineCodeExecutor, OutputEvent
from sandcrew.executors.testing.base import ENDLESS_DAEMON

async def main():
    async with LocalCommandLineCodeExecutor(work_dir=sys.argv[1]) as executor:
        async for event in executor.stream([ENDLESS_DAEMON]):
            if isinstance(event, OutputEvent):
                print(event.text, end="", flush=True)

asyncio.run(main())
"""


def test_everything_dies_with_the_owner_even_when_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"alive\n"
        owner.kill()
    with (tmp_path / "alive").open("w") as lock:
        # The daemon holds this lock while it lives: this line hangs if it survived.
        fcntl.flock(lock, fcntl.LOCK_EX)


def test_a_folder_that_a_killed_owner_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    code = (
        "import asyncio, os, signal, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from sandcrew.executors import LocalCommandLineCodeExecutor as E\n"
        "asyncio.run(E().start())\n"
    )
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    kill = "os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code + kill], env=env, check=False)
    (left,) = tmp_path.iterdir()
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    assert not left.exists()

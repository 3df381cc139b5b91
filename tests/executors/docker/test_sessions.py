"""The same guest inside: a sandbox in a container has sessions, streaming and rich outputs."""

from __future__ import annotations

import pytest

from sandcrew.executors import CodeBlock, DockerCommandLineCodeExecutor, UsageError
from sandcrew.executors.docker.images import tag_of
from sandcrew.executors.docker.launcher import ContainerLauncher
from sandcrew.executors.docker.options import ContainerOptions
from sandcrew.sandbox import Policy, Sandbox

LAUNCH = ContainerLauncher(ContainerOptions(image=tag_of("base")))


async def test_a_session_keeps_its_variables_and_has_values() -> None:
    async with Sandbox(launch=LAUNCH) as box, box.session() as session:
        await session.run("x = 41")
        cell = await session.run("print('seen'); x + 1")
        assert (cell.output, cell.value) == ("seen\n", 42)


async def test_the_sandbox_of_an_executor_has_sessions_beside_its_blocks() -> None:
    executor = DockerCommandLineCodeExecutor(tag_of("base"))
    with pytest.raises(UsageError, match="not started"):
        executor.sandbox.session()
    async with executor, executor.sandbox.session() as session:
        await session.run("open('made', 'w').write('x')")
        block = CodeBlock("print(open('made').read())", "python")
        assert (await executor.execute_code_blocks([block])).output == "x\n"


async def test_without_a_guest_there_are_only_blocks() -> None:
    async with DockerCommandLineCodeExecutor(tag_of("base"), python="/no/python") as executor:
        with pytest.raises(UsageError, match="only blocks"):
            executor.sandbox.session()


async def test_an_interrupted_cell_keeps_the_state() -> None:
    async with Sandbox(Policy(timeout=1), launch=LAUNCH) as box, box.session() as session:
        await session.run("kept = 1")
        slow = await session.run("import time; time.sleep(60)")
        assert slow.timed_out
        assert (await session.run("kept")).value == 1


async def test_a_session_that_dies_is_replaced_and_says_so() -> None:
    async with Sandbox(launch=LAUNCH) as box, box.session() as session:
        cell = await session.run("import os; os._exit(3)")
        assert cell.state_lost
        assert (await session.run("1 + 1")).value == 2


async def test_a_session_of_the_shell_works() -> None:
    async with Sandbox(launch=LAUNCH) as box, box.session(language="bash") as session:
        await session.run("x=5")
        assert (await session.run("echo $((x + 1))")).output == "6\n"


async def test_two_sessions_and_a_run_share_the_files_and_nothing_else() -> None:
    async with (
        Sandbox(launch=LAUNCH) as box,
        box.session() as first,
        box.session() as second,
    ):
        await first.run("secret = 1; open('shared', 'w').write('x')")
        cell = await second.run("open('shared').read(), 'secret' in globals()")
        assert cell.value in (("x", False), ["x", False])
        assert (await box.run("print(open('shared').read())")).output == "x\n"

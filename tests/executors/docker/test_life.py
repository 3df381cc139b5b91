"""A container ends with its owner, and nothing of it stays."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import pytest

from sandcrew.executors import (
    BackendCrashed,
    CancellationToken,
    CodeBlock,
    CodeResult,
    DockerCommandLineCodeExecutor,
    OutputEvent,
    UsageError,
)
from sandcrew.executors.docker import labels
from sandcrew.executors.docker.images import tag_of
from sandcrew.sandbox import owner

BASE = tag_of("base")
ENDLESS = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"begun\\n")
while True: time.sleep(60)
"""


def make(**options: Any) -> DockerCommandLineCodeExecutor:
    return DockerCommandLineCodeExecutor(BASE, **options)


def new_name() -> str:
    return f"sandcrew-test-{secrets.token_hex(6)}"


def containers_of(engine: Any, whose: str) -> list[Any]:
    found = engine.containers.list(
        all=True, ignore_removed=True, filters={"label": f"{labels.OWNER}={whose}"}
    )
    return list(found)


def folders_of(whose: str) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"sandcrew-container-{whose}-*"))


async def run(executor: DockerCommandLineCodeExecutor, code: str) -> CodeResult:
    return await executor.execute_code_blocks([CodeBlock(code, "python")])


async def begun(executor: DockerCommandLineCodeExecutor) -> asyncio.Task[CodeResult | None]:
    """A task in which a program runs that ignores SIGTERM."""
    printed = asyncio.Event()

    async def follow() -> CodeResult | None:
        result: CodeResult | None = None
        async for event in executor.stream([CodeBlock(ENDLESS, "python")]):
            if isinstance(event, OutputEvent):
                printed.set()
            elif isinstance(event, CodeResult):
                result = event
        return result

    task = asyncio.create_task(follow())
    waiting = asyncio.create_task(printed.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return task


async def test_a_stopped_executor_leaves_no_container_and_no_folder(engine: Any) -> None:
    me = owner.this_process()
    async with make() as executor:
        await run(executor, "print(1)")
        assert containers_of(engine, me)
        assert folders_of(me)
    assert not containers_of(engine, me)
    assert not folders_of(me)


async def test_an_executor_that_cannot_start_leaves_nothing(engine: Any) -> None:
    with pytest.raises(UsageError, match="init_command"):
        await make(init_command="exit 3").start()
    assert not containers_of(engine, owner.this_process())
    assert not folders_of(owner.this_process())


async def test_a_start_that_is_cancelled_leaves_nothing(engine: Any) -> None:
    cancelled = 0
    for pause in (0.0, 0.01, 0.03, 0.05, 0.07, 0.09, 0.11, 0.13, 0.15, 0.2):
        executor = make()
        task = asyncio.create_task(executor.start())
        await asyncio.sleep(pause)
        task.cancel()
        await asyncio.wait([task])
        cancelled += task.cancelled()
        if not task.cancelled():
            task.result()  # it was faster
            await executor.stop()
        assert not containers_of(engine, owner.this_process())
        assert not folders_of(owner.this_process())
    assert cancelled


async def test_a_container_killed_from_outside_is_an_error_and_the_next_call_works(
    engine: Any,
) -> None:
    async with make() as executor:
        task = await begun(executor)
        (container,) = containers_of(engine, owner.this_process())
        container.kill()
        with pytest.raises(BackendCrashed, match="ended unexpectedly"):
            await task
        assert (await run(executor, "print(2)")).output == "2\n"


async def test_a_container_removed_from_outside_is_an_error_and_the_next_call_works(
    engine: Any,
) -> None:
    async with make() as executor:
        task = await begun(executor)
        (container,) = containers_of(engine, owner.this_process())
        container.remove(force=True)
        with pytest.raises(BackendCrashed):
            await task
        assert (await run(executor, "print(2)")).output == "2\n"


async def test_a_paused_container_does_not_hold_up_the_time_limit(engine: Any) -> None:
    async with make(timeout=1) as executor:
        await run(executor, "print(1)")
        (container,) = containers_of(engine, owner.this_process())
        container.pause()
        with pytest.raises(BackendCrashed, match="did not end"):
            await run(executor, "print(2)")
    assert not containers_of(engine, owner.this_process())


async def test_cancelling_ends_what_ignores_sigterm_and_the_container_stays(engine: Any) -> None:
    token = CancellationToken()
    async with make() as executor:
        await run(executor, "open('kept', 'w')")
        before = containers_of(engine, owner.this_process())
        task = asyncio.create_task(
            executor.execute_code_blocks([CodeBlock(ENDLESS, "python")], token)
        )
        await asyncio.sleep(0.2)
        token.cancel()
        result = await task
        assert result.cancelled
        assert containers_of(engine, owner.this_process()) == before
        assert [file.path for file in await executor.list_files()] == ["kept"]


TEN = """
import asyncio, sys, warnings
from sandcrew.executors import DockerCommandLineCodeExecutor
from sandcrew.sandbox import owner

async def main():
    executors = [DockerCommandLineCodeExecutor({image!r}, auto_remove={auto_remove})
                 for _ in range({count})]
    await asyncio.gather(*(executor.start() for executor in executors))
    print(owner.this_process(), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def start_owner(count: int, *, auto_remove: bool = True) -> tuple[subprocess.Popen[str], str]:
    code = textwrap.dedent(TEN).format(image=BASE, count=count, auto_remove=auto_remove)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


async def test_after_kill_9_of_an_owner_with_ten_containers_the_next_start_leaves_none(
    engine: Any,
) -> None:
    process, whose = start_owner(10)
    assert len(containers_of(engine, whose)) == 10
    assert len(folders_of(whose)) == 10
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    async with make():
        assert not containers_of(engine, whose)
        assert not folders_of(whose)


async def test_containers_end_by_themselves_when_their_owner_is_killed(engine: Any) -> None:
    process, whose = start_owner(2)
    (first, second) = containers_of(engine, whose)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    for container in (first, second):
        await asyncio.to_thread(_wait_until_gone, engine, container.id)
    async with make():  # removes the folders
        pass


def _wait_until_gone(engine: Any, identifier: str) -> None:
    from docker.errors import NotFound

    with contextlib.suppress(NotFound):
        engine.api.wait(identifier, condition="removed", timeout=50)


async def test_what_living_owners_have_is_left_alone(engine: Any) -> None:
    process, whose = start_owner(1)
    try:
        async with make():
            assert len(containers_of(engine, whose)) == 1
    finally:
        process.terminate()
        process.communicate()
    async with make():
        assert not containers_of(engine, whose)


async def test_a_container_of_somebody_else_is_never_removed(engine: Any) -> None:
    stranger = engine.containers.create(BASE, ["sleep", "60"], name=new_name())
    try:
        async with make():
            pass
        stranger.reload()
    finally:
        stranger.remove(force=True)


async def test_a_container_that_is_to_stay_stays_stopped(engine: Any) -> None:
    name = new_name()
    async with make(auto_remove=False, container_name=name) as executor:
        await run(executor, "print(1)")
    container = engine.containers.get(name)
    try:
        assert container.status == "exited"
        assert labels.KEEP in container.labels
    finally:
        container.remove()
    assert not folders_of(owner.this_process())

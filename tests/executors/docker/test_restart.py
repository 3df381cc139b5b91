"""When the engine is restarted there is one clear error, nothing is left, the next call works."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandcrew.executors import (
    BackendCrashed,
    BackendError,
    CodeBlock,
    CodeResult,
    DockerCommandLineCodeExecutor,
    OutputEvent,
)
from sandcrew.executors.docker.images import tag_of
from sandcrew.sandbox import owner

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="an engine to restart needs root")
BASE = tag_of("base")
COMMAND = Path(__file__).parents[3] / ".ci" / "engine"
ENDLESS = "trap '' TERM INT; echo begun; while :; do sleep 60; done"


class OwnEngine:
    """An engine that nobody else uses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/docker.sock"

    def start(self) -> None:
        subprocess.run([COMMAND, "start", self.folder], check=True, stdout=subprocess.DEVNULL)

    async def shut_down(self) -> None:
        """As its service is stopped; its data stay."""
        pid = int((self.folder / "pid").read_text())
        with contextlib.closing(_Ended(pid)) as ended:
            os.kill(pid, signal.SIGTERM)
            await asyncio.wait_for(ended.wait(), 50)

    def remove(self) -> None:
        subprocess.run([COMMAND, "stop", self.folder], check=True, stdout=subprocess.DEVNULL)


class _Ended:
    def __init__(self, pid: int) -> None:
        self._pidfd = os.pidfd_open(pid)

    async def wait(self) -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pidfd, ended.set)
        await ended.wait()
        loop.remove_reader(self._pidfd)

    def close(self) -> None:
        os.close(self._pidfd)


@pytest.fixture
def own_engine(engine: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnEngine]:
    """Started, with our image ``base``, and what ``DOCKER_HOST`` names."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # overlays want a real disk
        own = OwnEngine(Path(folder) / "engine")
        own.start()
        try:
            with closing(own_client(own)) as client:
                client.images.load(b"".join(engine.images.get(BASE).save(named=True)))
            monkeypatch.setenv("DOCKER_HOST", own.address)
            yield own
        finally:
            own.remove()


def own_client(own: OwnEngine) -> Any:
    import docker

    return docker.DockerClient(own.address)


async def begun(executor: DockerCommandLineCodeExecutor) -> asyncio.Task[CodeResult | None]:
    """A task in which a program runs that ignores SIGTERM."""
    printed = asyncio.Event()

    async def follow() -> CodeResult | None:
        async for event in executor.stream([CodeBlock(ENDLESS, "sh")]):
            if isinstance(event, OutputEvent):
                printed.set()
            elif isinstance(event, CodeResult):
                return event
        return None

    task = asyncio.create_task(follow())
    await asyncio.wait_for(printed.wait(), 50)
    return task


async def test_an_engine_restarted_under_a_block_is_an_error_and_the_next_call_works(
    own_engine: OwnEngine,
) -> None:
    guest = DockerCommandLineCodeExecutor(BASE)
    without_guest = DockerCommandLineCodeExecutor(BASE, python="/no/python")
    async with guest, without_guest:
        tasks = [await begun(executor) for executor in (guest, without_guest)]
        await own_engine.shut_down()
        for task in tasks:
            with pytest.raises(BackendCrashed):
                await asyncio.wait_for(task, 50)
        for executor in (guest, without_guest):
            with pytest.raises(BackendError, match="Docker engine"):
                await executor.execute_code_blocks([CodeBlock("echo lost", "sh")])
        own_engine.start()
        for executor in (guest, without_guest):
            result = await executor.execute_code_blocks([CodeBlock("echo again", "sh")])
            assert result.output == "again\n"
        with closing(own_client(own_engine)) as client:
            assert len(client.containers.list(all=True, ignore_removed=True)) == 2
    with closing(own_client(own_engine)) as client:
        assert not client.containers.list(all=True, ignore_removed=True)
    folders = Path(tempfile.gettempdir()).glob(f"sandcrew-container-{owner.this_process()}-*")
    assert not list(folders)

"""A pool: containers that wait, each for one taker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sandcrew.executors import BackendUnavailable, CodeBlock, UsageError
from sandcrew.executors.docker import DockerExecutorPool, labels
from sandcrew.executors.docker.images import tag_of
from sandcrew.sandbox import owner

BASE = tag_of("base")
LOOK = CodeBlock("import os; print(os.listdir('.')); open('left', 'w').close()", "python")


def count(engine: Any) -> int:
    mine = {"label": f"{labels.OWNER}={owner.this_process()}"}
    return len(engine.containers.list(all=True, ignore_removed=True, filters=mine))


async def test_each_taker_has_a_fresh_container_and_the_pool_is_filled_again(engine: Any) -> None:
    async with DockerExecutorPool(1, image=BASE) as pool:
        for _ in range(3):
            async with pool.take() as executor:
                assert (await executor.execute_code_blocks([LOOK])).output == "[]\n"
        assert count(engine) <= 2
    assert count(engine) == 0


async def test_more_takers_than_wait_are_served_at_one_time(engine: Any) -> None:
    async with DockerExecutorPool(1, image=BASE) as pool:

        async def run() -> str:
            async with pool.take() as executor:
                return (await executor.execute_code_blocks([LOOK])).output

        assert [*await asyncio.gather(run(), run(), run())] == ["[]\n"] * 3
    assert count(engine) == 0


async def test_a_taker_that_is_cancelled_leaves_nothing(engine: Any) -> None:
    async with DockerExecutorPool(1, image=BASE) as pool:

        async def wait() -> None:
            async with pool.take():
                await asyncio.sleep(60)

        task = asyncio.create_task(wait())
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
    assert count(engine) == 0


async def test_what_cannot_be_started_is_an_error_of_the_taker() -> None:
    async with DockerExecutorPool(1, image="localhost:1/no/such:1") as pool:
        with pytest.raises(BackendUnavailable, match="cannot be pulled"):
            async with pool.take():
                pass


@pytest.mark.parametrize(
    "options", [{"size": 0}, {"container_name": "one"}, {"timeout": -1}, {"image": ""}]
)
def test_options_that_make_no_sense_are_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        DockerExecutorPool(**options)

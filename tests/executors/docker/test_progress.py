"""Who waits for an image hears of each step, by a call or in the stream of events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest

from sandcrew.executors import (
    BackendUnavailable,
    CodeBlock,
    DockerCommandLineCodeExecutor,
    ImageProgress,
)
from sandcrew.executors.docker.images import tag_of

from .registry import registry_of
from .small_image import SmallImage

IMAGE = SmallImage({"file": bytes(1 << 20)})


@pytest.fixture
def image(engine: Any) -> Iterator[str]:
    """The name of one that is not there yet, and in which nothing can run."""
    with registry_of(IMAGE) as name:
        yield name
        engine.images.remove(name, force=True)


async def test_a_pull_is_told_in_the_stream_and_to_who_wants_to_be_called(image: str) -> None:
    called: list[ImageProgress] = []
    told: list[object] = []
    executor = DockerCommandLineCodeExecutor(image, on_progress=called.append)

    async def follow() -> None:
        async for event in executor.stream([CodeBlock("echo x", "sh")]):
            told.append(event)  # noqa: PERF401 (what came before the error counts)

    with pytest.raises(BackendUnavailable, match="neither the interpreter"):
        await follow()
    await executor.stop()
    assert told == called
    assert {step.image for step in called} == {image}
    assert "Pull complete" in [step.step for step in called]
    assert len(IMAGE.layer) in [step.done for step in called if step.layer]


async def test_an_image_that_is_there_is_not_pulled(engine: Any) -> None:
    executor = DockerCommandLineCodeExecutor(tag_of("base"))
    assert [step async for step in executor.start_stream()] == []
    assert (await executor.execute_code_blocks([CodeBlock("echo x", "sh")])).output == "x\n"
    await executor.stop()


async def test_who_leaves_the_steps_gives_the_start_up(image: str, engine: Any) -> None:
    executor = DockerCommandLineCodeExecutor(image)
    async with aclosing(executor.start_stream()) as steps:
        assert (await anext(steps)).image == image
    await executor.stop()
    mine: list[Any] = engine.containers.list(
        all=True, ignore_removed=True, filters={"ancestor": image}
    )
    assert mine == []

"""Several turns at the same time, as one stream."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TypeVar, cast

T = TypeVar("T")


async def side_by_side(
    streams: Sequence[AsyncGenerator[T, None]],
) -> AsyncGenerator[T, None]:
    """The items of all streams as they come.

    Each stream has a task of its own, since some things (time limits, connections) must be left
    in the task they were entered in. The tasks are those of one :class:`asyncio.TaskGroup`: they
    end before this generator does, however it ends; when one fails the others are cancelled and
    its error is raised as it is. A task waits while the caller looks at an item.
    """
    items: asyncio.Queue[T | None] = asyncio.Queue()
    one_at_a_time = asyncio.Lock()
    running = len(streams)

    async def pump(stream: AsyncGenerator[T, None]) -> None:
        nonlocal running
        async with aclosing(stream):
            async for item in stream:
                async with one_at_a_time:
                    items.put_nowait(item)
                    await items.join()
        running -= 1

    async def work() -> None:
        # Not around the loop below: a group cancels the task it was entered in, which between
        # two items is at work somewhere else.
        async with asyncio.TaskGroup() as group:
            for stream in streams:
                group.create_task(pump(stream))

    worker = asyncio.create_task(work())
    worker.add_done_callback(lambda _: items.put_nowait(None))
    try:
        while (item := await items.get()) is not None:
            yield item
            items.task_done()
    finally:
        worker.cancel()
        await asyncio.wait({worker})
        error = None if worker.cancelled() else worker.exception()
    if error is not None:
        raise _first_of(error)
    if running:  # A task group takes a member that was cancelled for one that has ended.
        raise asyncio.CancelledError


def _first_of(error: BaseException) -> BaseException:
    """The error that made the others give up; if more failed meanwhile, a note says so."""
    others: list[BaseException] = []
    while isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        error, others = group.exceptions[0], [*others, *group.exceptions[1:]]
    for other in others:
        error.add_note(f"At the same time: {type(other).__name__}: {other}")
    return error

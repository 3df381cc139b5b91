"""Lets a token interrupt whatever is being awaited, whoever wrote it.

A token interrupts the *task* that waits, as :func:`asyncio.timeout` does, so that a model client,
an agent or an approval function that has never heard of tokens stops as well.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager
from typing import TypeVar

from ...executors.cancellation import CancellationToken

T = TypeVar("T")


@contextmanager
def cancel_scope(token: CancellationToken | None) -> Generator[None]:
    """Interrupt the awaits inside when ``token`` is cancelled, from whichever thread.

    Raises
    ------
    asyncio.CancelledError
        The token was cancelled, before or meanwhile. The task itself does not count as cancelled.
    """
    task = asyncio.current_task()
    if token is None or task is None:
        yield
        return
    if token.is_cancelled():
        raise asyncio.CancelledError("the cancellation token was cancelled")
    active, interrupted = True, False

    def interrupt() -> None:
        nonlocal interrupted
        if active:
            interrupted = True
            task.cancel("the cancellation token was cancelled")

    def on_cancel() -> None:
        task.get_loop().call_soon_threadsafe(interrupt)

    token.add_callback(on_cancel)
    try:
        yield
    finally:
        active = False
        token.remove_callback(on_cancel)
        if interrupted:
            task.uncancel()


async def cancellable(
    stream: AsyncGenerator[T, None], token: CancellationToken | None
) -> AsyncGenerator[T, None]:
    """The same items; stops waiting for the next one, and closes ``stream``, when cancelled.

    The scope is entered anew for each item: between two of them the task belongs to whoever
    iterates, and must not be interrupted.
    """
    async with aclosing(stream):
        while True:
            with cancel_scope(token):
                try:
                    item = await anext(stream)
                except StopAsyncIteration:
                    return
            yield item

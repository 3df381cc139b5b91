"""Tasks that live and die together, and the plain tunnel made of two of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .stream import Stream


async def together(
    first: Coroutine[Any, Any, None], *others: Coroutine[Any, Any, None], ends_with_first: bool
) -> None:
    """Run all at once. The first failure ends the rest and is raised; none is left running.

    With ``ends_with_first``, so does the end of ``first``.
    """
    tasks = [asyncio.create_task(each) for each in (first, *others)]
    pending = set(tasks)
    try:
        while tasks[0] in pending if ends_with_first else pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def relay(one: Stream, other: Stream) -> None:
    """Pass on everything both ways until both sides have ended.

    The end of one side is passed on as such: the other may still have much to say.
    """
    await together(_pass_on(one, other), _pass_on(other, one), ends_with_first=False)


async def _pass_on(source: Stream, target: Stream) -> None:
    while data := await source.receive():
        await target.send(data)
    target.end()

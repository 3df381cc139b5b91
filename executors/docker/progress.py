"""What is told while an image is pulled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..events import ImageProgress

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    OnProgress = Callable[[ImageProgress], None]


def of_pull(image: str, line: dict[str, Any]) -> ImageProgress:
    """From a line of the engine's answer to ``POST /images/create``."""
    detail: dict[str, Any] = line.get("progressDetail") or {}
    return ImageProgress(
        image,
        str(line.get("status", "")),
        str(line.get("id", "")),
        detail.get("current"),
        detail.get("total"),
    )


class Teller:
    """Passes each step on to who wants to be called, and to who iterates."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._listeners: list[OnProgress] = [] if on_progress is None else [on_progress]

    def __call__(self, step: ImageProgress) -> None:
        for listener in tuple(self._listeners):
            listener(step)

    async def during(self, work: Coroutine[Any, Any, None]) -> AsyncGenerator[ImageProgress, None]:
        """The steps while ``work`` is done, which is cancelled when the iteration is left.

        Raises what ``work`` does.
        """
        steps: asyncio.Queue[ImageProgress | None] = asyncio.Queue()
        self._listeners.append(steps.put_nowait)
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda _: steps.put_nowait(None))
        try:
            while (step := await steps.get()) is not None:
                yield step
            await task
        finally:
            self._listeners.remove(steps.put_nowait)
            if not task.done():
                task.cancel()
                await asyncio.wait([task])

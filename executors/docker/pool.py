"""Started containers that wait, for callers who want a fresh one for each run."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

from ...sandbox.errors import UsageError
from .executor import DockerCommandLineCodeExecutor

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from types import TracebackType

Starting = asyncio.Task[DockerCommandLineCodeExecutor]


class DockerExecutorPool:
    """Hands out started executors, each once, with a container of its own.

    ``size`` of them are kept waiting. Whoever comes when none is ready waits for the one that was
    begun first.

    >>> async with DockerExecutorPool(3, image="python:3-slim") as pool:
    ...     async with pool.take() as executor:
    ...         await executor.execute_code_blocks(blocks)

    Parameters
    ----------
    size:
        How many containers wait.
    options:
        Those of :class:`DockerCommandLineCodeExecutor`.

    Raises
    ------
    UsageError
        An option makes no sense, or names a single container.
    """

    def __init__(self, size: int = 2, **options: Any) -> None:
        if size < 1:
            raise UsageError(f"size={size!r}: at least one container has to wait.")
        if options.get("container_name") is not None:
            raise UsageError("container_name: a pool has several containers.")
        self._size = size
        self._options = options
        self._new()  # so that a wrong option is an error now
        self._waiting: deque[Starting] = deque()
        self._closed = False

    @asynccontextmanager
    async def take(self) -> AsyncGenerator[DockerCommandLineCodeExecutor, None]:
        """A started executor that nobody has used; it is stopped at the end.

        Raises
        ------
        BackendError
            No container can be had.
        """
        if self._closed:
            raise UsageError("This pool is closed; make a new one.")
        self._fill(self._size + 1)
        starting = self._waiting.popleft()
        try:
            executor = await asyncio.shield(starting)
        except asyncio.CancelledError:
            await _undone(starting)
            raise
        try:
            yield executor
        finally:
            await asyncio.shield(executor.stop())

    async def stop(self) -> None:
        """End the containers that wait; those that were taken end with their takers."""
        self._closed = True
        waiting, self._waiting = self._waiting, deque()
        await asyncio.shield(asyncio.gather(*map(_undone, waiting)))

    async def __aenter__(self) -> Self:
        self._fill(self._size)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _fill(self, count: int) -> None:
        while len(self._waiting) < count:
            self._waiting.append(asyncio.create_task(self._started()))

    async def _started(self) -> DockerCommandLineCodeExecutor:
        executor = self._new()
        await executor.start()
        return executor

    def _new(self) -> DockerCommandLineCodeExecutor:
        return DockerCommandLineCodeExecutor(**self._options)


async def _undone(starting: Starting) -> None:
    """Whether it has started, is about to, or could not: nothing of it is left."""
    if not starting.done():
        starting.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await (await starting).stop()

"""The executor contract."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from types import TracebackType

    from ..sandbox.result import CodeResult
    from .block import CodeBlock
    from .cancellation import CancellationToken
    from .events import ExecutionEvent, ImageProgress


class CodeExecutor(ABC):
    """Runs code blocks and returns one result.

    Blocks run in order and stop at the first that fails. Whatever a program does is a
    :class:`CodeResult`; an exception of :mod:`sandcrew.sandbox.errors` means that the backend
    failed or was misused. Calls may overlap; after a timeout or a cancellation the executor is
    usable. An executor starts by itself at the first call; ``async with`` also stops it.
    """

    confined: bool = True
    """False where code can do all that the caller can."""
    stateful: bool = False
    """True where what a call leaves, variables and processes, is there for the next one, until
    :meth:`restart`; files of the workspace are always."""

    @abstractmethod
    async def execute_code_blocks(
        self,
        code_blocks: Sequence[CodeBlock],
        cancellation_token: CancellationToken | None = None,
    ) -> CodeResult:
        """Run the blocks to the end.

        A cancelled token gives a result with ``cancelled`` set; cancelling the calling task
        kills what runs and raises :class:`asyncio.CancelledError`.

        Raises
        ------
        BackendError
            The backend cannot be had or broke.
        """

    async def stream(
        self,
        code_blocks: Sequence[CodeBlock],
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[ExecutionEvent | CodeResult, None]:
        """Run the blocks and tell what happens; the :class:`CodeResult` comes last.

        Leaving the iteration early kills what runs. This default has nothing to tell but the
        end, so that a class that only implements :meth:`execute_code_blocks` is an executor too.
        """
        yield await self.execute_code_blocks(code_blocks, cancellation_token)

    @abstractmethod
    async def start(self) -> None:
        """Make the executor ready; does nothing when it is."""

    async def start_stream(self) -> AsyncGenerator[ImageProgress, None]:
        """As :meth:`start`, telling what it waits for: the steps of an image that is pulled.

        Leaving the iteration early gives the start up. This default has nothing to tell.
        """
        await self.start()
        nothing: tuple[ImageProgress, ...] = ()
        for step in nothing:
            yield step

    @abstractmethod
    async def stop(self) -> None:
        """Kill what runs and release everything; idempotent, bounded in time."""

    @abstractmethod
    async def restart(self) -> None:
        """Stop and start: earlier state is gone, files stay where the backend keeps them."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

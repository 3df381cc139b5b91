"""Asking again when a model server cannot answer now."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ...sandbox.errors import BackendCrashed, BackendError, UsageError
from ..runtime import cancel_scope
from .client import ChatCompletionClient
from .errors import ModelBusy
from .types import CreateResult
from .wrapping import Call, Piece, WrappedChatCompletionClient


class RetryChatCompletionClient(WrappedChatCompletionClient):
    """Waits and asks again after errors that pass: an overloaded server, a lost connection.

    It waits as long as the server says (``Retry-After``), otherwise longer each time. A streamed
    answer is asked for again only while nothing of it was told.
    :class:`OpenAIChatCompletionClient` retries by itself; give it ``max_retries=0`` in here.

    Parameters
    ----------
    client:
        The client inside.
    max_retries:
        How often at most.
    first_delay, max_delay:
        Seconds before the first retry, and at most. A server that wants more time than
        ``max_delay`` is not waited for.

    Raises
    ------
    UsageError
        A negative number.
    """

    def __init__(
        self,
        client: ChatCompletionClient,
        *,
        max_retries: int = 5,
        first_delay: float = 0.5,
        max_delay: float = 60.0,
    ) -> None:
        super().__init__(client)
        if max_retries < 0 or first_delay < 0 or max_delay < 0:
            raise UsageError("RetryChatCompletionClient takes no negative numbers.")
        self._max_retries = max_retries
        self._first_delay = first_delay
        self._max_delay = max_delay

    async def _create(self, call: Call) -> CreateResult:
        attempt = 0
        while True:
            try:
                return await call.create(self.client)
            except (ModelBusy, BackendCrashed) as error:
                await self._wait(attempt, error, call)
            attempt += 1

    async def _stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        attempt, told = 0, False
        while True:
            try:
                async with aclosing(call.stream(self.client)) as pieces:
                    async for piece in pieces:
                        told = True
                        yield piece
                return
            except (ModelBusy, BackendCrashed) as error:
                if told:
                    raise
                await self._wait(attempt, error, call)
            attempt += 1

    async def _wait(self, attempt: int, error: BackendError, call: Call) -> None:
        """Wait before the next attempt; raise ``error`` if there is none."""
        wanted = error.retry_after if isinstance(error, ModelBusy) else None
        if attempt >= self._max_retries or (wanted or 0) > self._max_delay:
            raise error
        delay = wanted
        if delay is None:
            # Spread out, so that many who failed together do not come back together.
            longest = min(self._first_delay * 2**attempt, self._max_delay)
            delay = longest * random.uniform(0.5, 1)  # noqa: S311
        with cancel_scope(call.token):
            await asyncio.sleep(delay)

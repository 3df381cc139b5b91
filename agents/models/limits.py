"""Keeping calls under the limits of a server, and under those of the user."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

from ...sandbox.errors import UsageError
from ..runtime import cancel_scope
from .client import ChatCompletionClient
from .errors import BudgetExceeded
from .types import CreateResult
from .usage import RequestUsage
from .wrapping import Call, Piece, WrappedChatCompletionClient

_MINUTE = 60.0


class RateLimitedChatCompletionClient(WrappedChatCompletionClient):
    """Makes calls wait their turn, so that a server's limits are kept.

    Share one between the agents that share the limits.

    Parameters
    ----------
    client:
        The client inside.
    requests_per_minute, tokens_per_minute:
        In any 60 seconds. How many tokens a call takes is known only after it, so the last one may
        go over.
    max_concurrent:
        Calls at the same time.

    Raises
    ------
    UsageError
        A limit is not positive, or there is none.
    """

    def __init__(
        self,
        client: ChatCompletionClient,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        max_concurrent: int | None = None,
    ) -> None:
        super().__init__(client)
        limits = (requests_per_minute, tokens_per_minute, max_concurrent)
        if all(limit is None for limit in limits):
            raise UsageError("RateLimitedChatCompletionClient needs at least one limit.")
        if any(limit is not None and limit < 1 for limit in limits):
            raise UsageError("The limits of RateLimitedChatCompletionClient must be positive.")
        self._requests = _Window(requests_per_minute)
        self._tokens = _Window(tokens_per_minute)
        self._places = None if max_concurrent is None else asyncio.Semaphore(max_concurrent)
        self._turn = asyncio.Lock()

    async def _create(self, call: Call) -> CreateResult:
        async with self._place(call):
            result = await call.create(self.client)
            self._count(result)
        return result

    async def _stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        async with self._place(call), aclosing(call.stream(self.client)) as pieces:
            async for piece in pieces:
                if isinstance(piece, CreateResult):
                    self._count(piece)
                yield piece

    @asynccontextmanager
    async def _place(self, call: Call) -> AsyncGenerator[None]:
        with cancel_scope(call.token):
            if self._places is not None:
                await self._places.acquire()
        try:
            with cancel_scope(call.token):
                await self._wait()
            yield
        finally:
            if self._places is not None:
                self._places.release()

    async def _wait(self) -> None:
        """Who came first goes first."""
        clock = asyncio.get_running_loop().time
        async with self._turn:
            for window in (self._requests, self._tokens):
                # Nobody else adds requests meanwhile; tokens of calls under way may come.
                while delay := window.full_for(clock()):  # noqa: ASYNC110 (it is about time)
                    await asyncio.sleep(delay)
            self._requests.add(clock(), 1)

    def _count(self, result: CreateResult) -> None:
        used = result.usage.prompt_tokens + result.usage.completion_tokens
        self._tokens.add(asyncio.get_running_loop().time(), used)


class BudgetChatCompletionClient(WrappedChatCompletionClient):
    """Makes no more calls once a sum is spent. Share one between the agents that share it.

    The last call may go over; what a cache answers is free.

    Parameters
    ----------
    client:
        The client inside.
    max_cost:
        In the currency of the client's prices.
    max_tokens:
        Prompts and answers together.

    Raises
    ------
    UsageError
        There is no limit; or, with the first answer, the client has no prices.
    """

    def __init__(
        self,
        client: ChatCompletionClient,
        *,
        max_cost: float | None = None,
        max_tokens: int | None = None,
    ) -> None:
        super().__init__(client)
        if max_cost is None and max_tokens is None:
            raise UsageError("BudgetChatCompletionClient needs max_cost or max_tokens.")
        self._max_cost = max_cost
        self._max_tokens = max_tokens
        self.spent = RequestUsage(0, 0)
        """All that was counted so far; may be set, to go on from a saved sum."""

    async def _create(self, call: Call) -> CreateResult:
        self._check()
        result = await call.create(self.client)
        self._count(result)
        return result

    async def _stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        self._check()
        async with aclosing(call.stream(self.client)) as pieces:
            async for piece in pieces:
                if isinstance(piece, CreateResult):
                    self._count(piece)
                yield piece

    def _check(self) -> None:
        tokens, cost = self.spent.prompt_tokens + self.spent.completion_tokens, self.spent.cost
        if self._max_tokens is not None and tokens >= self._max_tokens:
            raise BudgetExceeded(
                f"The budget of {self._max_tokens:,} tokens is used up: {tokens:,}"
            )
        if self._max_cost is not None and (cost or 0) >= self._max_cost:
            raise BudgetExceeded(f"The budget of {self._max_cost:g} is used up: {cost:.6g}")

    def _count(self, result: CreateResult) -> None:
        if result.cached:
            return
        self.spent += result.usage
        if self._max_cost is not None and result.usage.cost is None:
            raise UsageError("A budget with max_cost needs a client that was given prices=….")


class _Window:
    """What was used in the last minute."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._used: deque[tuple[float, int]] = deque()
        self._sum = 0

    def full_for(self, now: float) -> float:
        """Seconds until there is room; 0 if there is."""
        while self._used and self._used[0][0] <= now - _MINUTE:
            self._sum -= self._used.popleft()[1]
        if self._limit is None or self._sum < self._limit:
            return 0
        return self._used[0][0] + _MINUTE - now

    def add(self, now: float, amount: int) -> None:
        if self._limit is not None:
            self._used.append((now, amount))
            self._sum += amount

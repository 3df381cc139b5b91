"""Putting a price on what a client uses."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from .client import ChatCompletionClient
from .prices import Prices
from .types import CreateResult
from .usage import RequestUsage
from .wrapping import Call, Piece, WrappedChatCompletionClient


class PricedChatCompletionClient(WrappedChatCompletionClient):
    """Says with every answer what it cost; for clients that have no ``prices`` of their own."""

    def __init__(self, client: ChatCompletionClient, prices: Prices) -> None:
        super().__init__(client)
        self._prices = prices

    async def _create(self, call: Call) -> CreateResult:
        return self._priced(await call.create(self.client))

    async def _stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        async with aclosing(call.stream(self.client)) as pieces:
            async for piece in pieces:
                yield piece if isinstance(piece, str) else self._priced(piece)

    def _priced(self, result: CreateResult) -> CreateResult:
        return result.model_copy(update={"usage": self._prices.priced(result.usage)})

    def actual_usage(self) -> RequestUsage:
        return self._prices.priced(self.client.actual_usage())

    def total_usage(self) -> RequestUsage:
        return self._prices.priced(self.client.total_usage())

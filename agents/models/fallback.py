"""Asking another model when one cannot answer."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from ...sandbox.errors import BackendError, UsageError
from .client import ChatCompletionClient
from .info import ModelFamily, ModelInfo
from .types import CreateResult, LLMMessage
from .usage import RequestUsage, sum_usage
from .wrapping import Call, Piece, WrappedChatCompletionClient


class FallbackChatCompletionClient(WrappedChatCompletionClient):
    """Asks the first client, and the next one when that fails.

    A streamed answer goes to the next client only while nothing of it was told. What it can do is
    what all of them can. When all fail, the last error is raised, with the others in its notes.

    Parameters
    ----------
    clients:
        In the order in which they are asked.

    Raises
    ------
    UsageError
        There are no clients.
    """

    def __init__(self, clients: Sequence[ChatCompletionClient]) -> None:
        if not clients:
            raise UsageError("FallbackChatCompletionClient needs at least one client.")
        super().__init__(clients[0])
        self.clients = list(clients)

    async def _create(self, call: Call) -> CreateResult:
        failed: list[BackendError] = []
        for client in self.clients:
            try:
                return await call.create(client)
            except BackendError as error:
                self._next(error, failed)
        raise AssertionError("the last failure is raised")

    async def _stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        failed: list[BackendError] = []
        for client in self.clients:
            told = False
            try:
                async with aclosing(call.stream(client)) as pieces:
                    async for piece in pieces:
                        told = True
                        yield piece
                return
            except BackendError as error:
                if told:
                    raise
                self._next(error, failed)

    def _next(self, error: BackendError, failed: list[BackendError]) -> None:
        """Remember the failure; raise it if there is no other client."""
        if len(failed) + 1 == len(self.clients):
            for earlier in failed:
                error.add_note(f"Before that: {earlier}")
            raise error
        failed.append(error)

    def fingerprint(self) -> Mapping[str, Any]:
        return {"clients": [client.fingerprint() for client in self.clients]}

    async def close(self) -> None:
        for client in self.clients:
            await client.close()

    def actual_usage(self) -> RequestUsage:
        return sum_usage(client.actual_usage() for client in self.clients)

    def total_usage(self) -> RequestUsage:
        return sum_usage(client.total_usage() for client in self.clients)

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Any] = ()) -> int:
        return max(client.count_tokens(messages, tools=tools) for client in self.clients)

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Any] = ()) -> int:
        return min(client.remaining_tokens(messages, tools=tools) for client in self.clients)

    @property
    def model_info(self) -> ModelInfo:
        infos = [client.model_info for client in self.clients]
        families = {info["family"] for info in infos}
        shared = ModelInfo(
            vision=all(info["vision"] for info in infos),
            function_calling=all(info["function_calling"] for info in infos),
            json_output=all(info["json_output"] for info in infos),
            family=families.pop() if len(families) == 1 else ModelFamily.UNKNOWN,
            structured_output=all(info["structured_output"] for info in infos),
            multiple_system_messages=all(
                info.get("multiple_system_messages", True) for info in infos
            ),
        )
        windows = [info["context_window"] for info in infos if "context_window" in info]
        if windows:
            shared["context_window"] = min(windows)
        return shared

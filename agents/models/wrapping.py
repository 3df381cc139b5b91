"""The base of clients around another client."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ..runtime import CancellationToken
from .client import ChatCompletionClient
from .info import ModelInfo
from .types import CreateResult, LLMMessage
from .usage import RequestUsage

Piece = str | CreateResult


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a model."""

    messages: Sequence[LLMMessage]
    tools: Sequence[Any]
    tool_choice: Any
    json_output: bool | type[BaseModel] | None
    extra_create_args: Mapping[str, Any] | None
    token: CancellationToken | None

    async def create(self, client: ChatCompletionClient) -> CreateResult:
        return await client.create(self.messages, **self._options())

    def stream(self, client: ChatCompletionClient) -> AsyncGenerator[Piece, None]:
        return client.create_stream(self.messages, **self._options())

    def _options(self) -> dict[str, Any]:
        return {
            "tools": self.tools,
            "tool_choice": self.tool_choice,
            "json_output": self.json_output,
            "extra_create_args": self.extra_create_args,
            "cancellation_token": self.token,
        }


class WrappedChatCompletionClient(ChatCompletionClient):
    """Asks another client. Subclasses do something before, after or instead: ``_create`` and
    ``_stream`` are the two ways.

    Parameters
    ----------
    client:
        The client inside; closed together with this one.
    """

    def __init__(self, client: ChatCompletionClient) -> None:
        self.client = client

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Any] = (),
        tool_choice: Any = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        return await self._create(
            Call(messages, tools, tool_choice, json_output, extra_create_args, cancellation_token)
        )

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Any] = (),
        tool_choice: Any = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[Piece, None]:
        call = Call(
            messages, tools, tool_choice, json_output, extra_create_args, cancellation_token
        )
        async with aclosing(self._stream(call)) as pieces:
            async for piece in pieces:
                yield piece

    async def _create(self, call: Call) -> CreateResult:
        return await call.create(self.client)

    async def _stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        async with aclosing(call.stream(self.client)) as pieces:
            async for piece in pieces:
                yield piece

    def fingerprint(self) -> Mapping[str, Any]:
        return self.client.fingerprint()

    async def close(self) -> None:
        await self.client.close()

    def actual_usage(self) -> RequestUsage:
        return self.client.actual_usage()

    def total_usage(self) -> RequestUsage:
        return self.client.total_usage()

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Any] = ()) -> int:
        return self.client.count_tokens(messages, tools=tools)

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Any] = ()) -> int:
        return self.client.remaining_tokens(messages, tools=tools)

    @property
    def model_info(self) -> ModelInfo:
        return self.client.model_info

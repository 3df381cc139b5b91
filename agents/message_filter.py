"""An agent that hears only a part of what is said."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .base.chat_agent import ChatAgent, Response
from .chat_agent import BaseChatAgent
from .messages import BaseAgentEvent, BaseChatMessage
from .runtime import CancellationToken


class PerSourceFilter(BaseModel):
    """Which messages of one source pass."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    source: str
    position: Literal["first", "last"] | None = None
    """Which end the messages are taken from; ``None`` for all."""
    count: int | None = Field(default=None, ge=0)
    """How many."""

    def choose(self, messages: Sequence[BaseChatMessage]) -> list[BaseChatMessage]:
        """Those of ``messages`` that pass."""
        own = [message for message in messages if message.source == self.source]
        if self.position is None or self.count is None:
            return own
        return (
            own[: self.count] if self.position == "first" else own[max(0, len(own) - self.count) :]
        )


class MessageFilterConfig(BaseModel):
    """A filter for each source; what comes from any other does not pass."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    per_source: list[PerSourceFilter]

    def choose(self, messages: Sequence[BaseChatMessage]) -> list[BaseChatMessage]:
        """The messages that pass, once each, in the order they were said."""
        passing = {id(m) for one in self.per_source for m in one.choose(messages)}
        return [message for message in messages if id(message) in passing]


class MessageFilterAgent(BaseChatAgent):
    """Lets another agent hear only what passes a filter; everything else is that agent's.

    Parameters
    ----------
    name:
        A Python identifier, unique in a team.
    wrapped_agent:
        The agent that answers.
    filter:
        What it hears of the messages that are new at its turn.
    """

    def __init__(
        self,
        name: str,
        wrapped_agent: ChatAgent,
        filter: MessageFilterConfig,  # noqa: A002 (AutoGen's name)
    ) -> None:
        super().__init__(name, f"{wrapped_agent.description} (with message filtering)")
        self._wrapped = wrapped_agent
        self._filter = filter

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return self._wrapped.produced_message_types

    @property
    def message_types(self) -> Sequence[type[BaseAgentEvent | BaseChatMessage]]:
        return self._wrapped.message_types

    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        return await self._wrapped.on_messages(self._filter.choose(messages), cancellation_token)

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        heard = self._filter.choose(messages)
        stream = self._wrapped.on_messages_stream(heard, cancellation_token)
        async with aclosing(stream):
            async for item in stream:
                yield item

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        await self._wrapped.on_reset(cancellation_token)

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        await self._wrapped.on_pause(cancellation_token)

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        await self._wrapped.on_resume(cancellation_token)

    async def save_state(self) -> Mapping[str, Any]:
        return await self._wrapped.save_state()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await self._wrapped.load_state(state)

    async def close(self) -> None:
        await self._wrapped.close()

"""The interface of an agent."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ...sandbox.errors import UsageError
from ..messages import BaseAgentEvent, BaseChatMessage
from ..runtime import CancellationToken
from .task import TaskRunner


@dataclass(kw_only=True)
class Response:
    """An agent's answer, at the end of its turn."""

    chat_message: BaseChatMessage
    inner_messages: Sequence[BaseAgentEvent | BaseChatMessage] | None = None
    """What happened on the way."""


class ChatAgent(TaskRunner):
    """Takes part in conversations.

    Agents keep what they have heard: each call brings only the messages that are new.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Unique in a team; a Python identifier."""

    @property
    @abstractmethod
    def description(self) -> str:
        """What the agent is good for, told to whoever chooses the next speaker."""

    @property
    @abstractmethod
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        """The types of its answers."""

    @property
    def message_types(self) -> Sequence[type[BaseAgentEvent | BaseChatMessage]]:
        return self.produced_message_types

    @abstractmethod
    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        """Take a turn."""

    @abstractmethod
    def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """Take a turn, and tell what happens; the :class:`Response` comes last."""

    @abstractmethod
    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Forget everything that was heard."""

    @abstractmethod
    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        """The team is paused."""

    @abstractmethod
    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        """The team goes on."""

    @abstractmethod
    async def save_state(self) -> Mapping[str, Any]:
        """Everything the agent remembers, as JSON."""

    @abstractmethod
    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Remember what :meth:`save_state` gave."""

    @abstractmethod
    async def close(self) -> None:
        """Release what the agent holds; idempotent."""


async def take_turn(
    agent: ChatAgent, messages: Sequence[BaseChatMessage], token: CancellationToken
) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
    """An agent's turn: everything it tells, once each, the :class:`Response` last.

    Raises
    ------
    UsageError
        A custom agent gave no response.
    """
    told: set[str] = set()
    response: Response | None = None
    async with aclosing(agent.on_messages_stream(messages, token)) as stream:
        async for item in stream:
            if isinstance(item, Response):
                response = item
            else:
                told.add(item.id)
                yield item
    if response is None:
        raise UsageError(f"Agent {agent.name!r} ended its turn without a Response.")
    for inner in response.inner_messages or ():
        if inner.id not in told:
            yield inner
    yield response

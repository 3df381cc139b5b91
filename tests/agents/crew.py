"""Members for the tests of teams: what they say is given, what they hear is kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sandcrew.agents import BaseChatAgent, Response
from sandcrew.agents.messages import BaseChatMessage, HandoffMessage, TextMessage
from sandcrew.agents.models import CreateResult, ReplayChatCompletionClient, RequestUsage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandcrew.agents.messages import BaseAgentEvent
    from sandcrew.agents.runtime import CancellationToken


class Speaker(BaseChatAgent):
    """Says the given texts or messages in turn, then its name and a number; remembers how many."""

    def __init__(self, name: str, *says: str | BaseChatMessage, description: str = "") -> None:
        super().__init__(name, description or f"Speaks as {name}.")
        self.says = says
        self.heard: list[list[str]] = []
        self.turns = 0
        self.resets = 0

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage, HandoffMessage)

    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        self.heard.append([message.to_text() for message in messages])
        said = self.says[self.turns] if self.turns < len(self.says) else self._number()
        self.turns += 1
        if isinstance(said, str):
            said = TextMessage(content=said, source=self.name)
        return Response(chat_message=said)

    def _number(self) -> str:
        return f"{self.name}{self.turns + 1}"

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        self.resets += 1

    async def save_state(self) -> Mapping[str, Any]:
        return {"type": "Speaker", "turns": self.turns}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        self.turns = state["turns"]


class Waits(Speaker):
    """Speaks once it is allowed to."""

    def __init__(self, name: str, *says: str | BaseChatMessage) -> None:
        super().__init__(name, *says)
        self.waiting = asyncio.Event()
        self.go = asyncio.Event()
        self.gave_up = asyncio.Event()

    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        self.waiting.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.gave_up.set()
            raise
        return await super().on_messages(messages, cancellation_token)


def hand(source: str, target: str, **fields: Any) -> HandoffMessage:
    return HandoffMessage(content=f"{source} to {target}", source=source, target=target, **fields)


def model(*answers: str) -> ReplayChatCompletionClient:
    """A model whose every answer costs ten tokens in and one out."""
    return ReplayChatCompletionClient(
        [
            CreateResult(
                finish_reason="stop", content=text, usage=RequestUsage(10, 1), cached=False
            )
            for text in answers
        ]
    )


def said(messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> list[str]:
    """The texts of what was said aloud."""
    return [message.to_text() for message in messages if isinstance(message, BaseChatMessage)]


def speakers(messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> list[str]:
    """Who said it."""
    return [message.source for message in messages if isinstance(message, BaseChatMessage)]

"""Typed messages: the `to` field says who is next, and an admin decides when nobody is named."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from sandcrew.agents import BaseChatAgent, GroupChat, Response
from sandcrew.agents.messages import BaseChatMessage, BaseTextChatMessage
from sandcrew.agents.runtime import CancellationToken
from sandcrew.agents.ui import Console


class Memo(BaseTextChatMessage):
    """A message with an address."""

    to: str = ""
    type: Literal["Memo"] = "Memo"


class Clerk(BaseChatAgent):
    """Passes a memo on."""

    def __init__(self, name: str, to: str) -> None:
        super().__init__(name, f"Writes to {to or 'nobody'}.")
        self._to = to

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (Memo,)

    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        content = f"{self.name} has read {len(messages)} messages."
        return Response(chat_message=Memo(content=content, source=self.name, to=self._to))

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Nothing is remembered."""


async def main() -> None:
    team = GroupChat(
        [Clerk("front_desk", to="archive"), Clerk("archive", to=""), Clerk("courier", to="")],
        routing="role_based",
        admin_agent=Clerk("admin", to="courier"),
        max_turns=4,
        custom_message_types=[Memo],
    )
    await Console(team.run_stream(task=Memo(content="Find the plans.", source="user")))


if __name__ == "__main__":
    asyncio.run(main())

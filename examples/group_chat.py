"""A group chat: a writer and a critic take turns until the critic is content."""

import asyncio
import os

from sandcrew.agents import AssistantAgent, RoundRobinGroupChat
from sandcrew.agents.conditions import MaxMessageTermination, TextMentionTermination
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.ui import Console


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    writer = AssistantAgent("writer", client, system_message="You write short poems.")
    critic = AssistantAgent(
        "critic",
        client,
        system_message="You criticise poems in one sentence. Say APPROVE when it is good.",
    )
    team = RoundRobinGroupChat(
        [writer, critic],
        termination_condition=TextMentionTermination("APPROVE", sources=["critic"])
        | MaxMessageTermination(10),
    )
    await Console(team.run_stream(task="A poem of four lines about the sea."))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

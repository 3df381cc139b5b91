"""A run that is broken off, saved, and goes on in another team, as in another process."""

import asyncio
import json
import os

from sandcrew.agents import AssistantAgent, RoundRobinGroupChat
from sandcrew.agents.conditions import MaxMessageTermination, TextMentionTermination
from sandcrew.agents.messages import TextMessage
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.ui import Console


def new_team(client: OpenAIChatCompletionClient) -> RoundRobinGroupChat:
    writer = AssistantAgent("writer", client, system_message="You write short poems.")
    critic = AssistantAgent(
        "critic", client, system_message="Criticise. Say APPROVE if it is good."
    )
    return RoundRobinGroupChat(
        [writer, critic],
        termination_condition=TextMentionTermination("APPROVE", sources=["critic"])
        | MaxMessageTermination(10),
    )


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    first = new_team(client)
    async for item in first.run_stream(task="A poem of four lines about the sea."):
        if isinstance(item, TextMessage) and item.source == "writer":
            break  # Everything stops here; nothing goes on behind our back.
    saved = json.dumps(await first.save_state())
    print(f"Saved {len(saved):,} characters; the critic is next.")

    second = new_team(client)
    await second.load_state(json.loads(saved))
    await Console(second.run_stream())
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

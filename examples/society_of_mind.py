"""An agent behind which a team works: the others hear only its summary."""

import asyncio
import os

from sandcrew.agents import AssistantAgent, RoundRobinGroupChat, SocietyOfMindAgent
from sandcrew.agents.conditions import MaxMessageTermination, TextMentionTermination
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.ui import Console


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    writer = AssistantAgent("writer", client, system_message="You write well.")
    critic = AssistantAgent(
        "critic", client, system_message="Criticise. Say APPROVE if it is good."
    )
    inner = RoundRobinGroupChat(
        [writer, critic],
        termination_condition=TextMentionTermination("APPROVE") | MaxMessageTermination(8),
    )
    society = SocietyOfMindAgent("society", team=inner, model_client=client)
    translator = AssistantAgent("translator", client, system_message="Translate into Spanish.")
    team = RoundRobinGroupChat([society, translator], max_turns=2)
    await Console(team.run_stream(task="A short story with a surprising end."))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

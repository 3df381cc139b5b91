"""A person in the team: what is typed at the terminal is the person's turn."""

import asyncio
import os

from sandcrew.agents import AssistantAgent, RoundRobinGroupChat, UserProxyAgent
from sandcrew.agents.conditions import MaxMessageTermination, TextMentionTermination
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.ui import Console


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    assistant = AssistantAgent("assistant", client, system_message="You write short poems.")
    person = UserProxyAgent("person")
    team = RoundRobinGroupChat(
        [assistant, person],
        termination_condition=TextMentionTermination("APPROVE", sources=["person"])
        | MaxMessageTermination(20),
    )
    print("Say APPROVE when you like the poem; anything else is criticism.")
    await Console(team.run_stream(task="A poem of four lines about the sea."))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

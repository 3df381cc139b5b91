"""A model selects who speaks next."""

import asyncio
import os

from sandcrew.agents import AssistantAgent, SelectorGroupChat
from sandcrew.agents.conditions import MaxMessageTermination, TextMentionTermination
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.ui import Console


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    planner = AssistantAgent(
        "planner",
        client,
        description="Breaks a task down and says TERMINATE when all of it is done.",
        system_message="Break the task down for the others. Say TERMINATE when it is done.",
    )
    researcher = AssistantAgent(
        "researcher",
        client,
        description="Knows facts.",
        system_message="Give the facts you are asked for, in one sentence.",
    )
    analyst = AssistantAgent(
        "analyst",
        client,
        description="Computes with given facts.",
        system_message="Compute what you are asked for, and show how.",
    )
    team = SelectorGroupChat(
        [planner, researcher, analyst],
        client,
        termination_condition=TextMentionTermination("TERMINATE") | MaxMessageTermination(12),
    )
    await Console(team.run_stream(task="How many times higher is K2 than the Eiffel Tower?"))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

"""A team in a team: a crew of two works, an editor looks over what it gives."""

import asyncio
import os

from sandcrew.agents import AssistantAgent, RoundRobinGroupChat
from sandcrew.agents.conditions import MaxMessageTermination, TextMentionTermination
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.ui import Console


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))

    def agent(name: str, instructions: str) -> AssistantAgent:
        return AssistantAgent(name, client, system_message=instructions)

    crew = RoundRobinGroupChat(
        [agent("writer", "You write a haiku."), agent("critic", "You criticise it.")],
        name="crew",
        description="Writes and criticises.",
        max_turns=2,
    )
    editor = agent("editor", "Say DONE if the haiku can be printed, else what is to be changed.")
    team = RoundRobinGroupChat(
        [crew, editor],
        termination_condition=TextMentionTermination("DONE", sources=["editor"])
        | MaxMessageTermination(20),
    )
    await Console(team.run_stream(task="A haiku about autumn."))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

"""An agent that calls functions and other agents."""

import asyncio
import os

from sandcrew.agents import AssistantAgent
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.tools import AgentTool
from sandcrew.agents.ui import Console


async def temperature(city: str) -> str:
    """The temperature in a city now."""
    return f"It is 21 °C in {city}."


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    poet = AssistantAgent(
        "poet",
        client,
        description="Writes a poem about what it is told.",
        system_message="You write poems of two lines.",
    )
    assistant = AssistantAgent(
        "assistant",
        client,
        tools=[temperature, AgentTool(poet, return_value_as_last_message=True)],
        max_tool_iterations=5,
        system_message="Use your tools, then answer.",
    )
    await Console(assistant.run_stream(task="How warm is it in Oslo? As a poem, please."))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

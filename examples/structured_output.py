"""An agent whose answer is a value of a type of one's own."""

import asyncio
import os
from typing import Literal, cast

from pydantic import BaseModel

from sandcrew.agents import AssistantAgent
from sandcrew.agents.messages import StructuredMessage
from sandcrew.agents.models import OpenAIChatCompletionClient


class Mood(BaseModel):
    thoughts: str
    mood: Literal["happy", "sad", "neutral"]


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    agent = AssistantAgent(
        "reader",
        client,
        system_message="Say in which mood a text was written.",
        output_content_type=Mood,
    )
    result = await agent.run(task="What a day! The sun shines and the code works.")
    mood = cast("StructuredMessage[Mood]", result.messages[-1]).content
    print(f"mood: {mood.mood}, because {mood.thoughts}")
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

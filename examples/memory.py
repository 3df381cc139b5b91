"""An agent with a memory, and with a context that keeps the prompt small."""

import asyncio
import os

from sandcrew.agents import AssistantAgent
from sandcrew.agents.memory import ListMemory, MemoryContent, MemoryMimeType
from sandcrew.agents.model_context import BufferedChatCompletionContext
from sandcrew.agents.models import OpenAIChatCompletionClient


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    memory = ListMemory()
    await memory.add(MemoryContent(content="Lengths in metres.", mime_type=MemoryMimeType.TEXT))
    agent = AssistantAgent(
        "guide",
        client,
        memory=[memory],
        model_context=BufferedChatCompletionContext(buffer_size=4),
    )
    for question in ("How high is K2?", "And the Eiffel Tower?", "How often does it fit?"):
        result = await agent.run(task=question)
        print(result.messages[-1].to_text())
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

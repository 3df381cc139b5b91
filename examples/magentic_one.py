"""Magentic-One: an orchestrator leads a file surfer, a coder and a sandboxed terminal."""

import asyncio
import os

from sandcrew.agents import MagenticOne
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.ui import Console


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    async with MagenticOne(client) as team:
        await Console(team.run_stream(task="Write the first ten square numbers to squares.txt."))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

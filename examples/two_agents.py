"""Two agents: one writes code, the other runs it in the sandbox, until the task is done."""

import asyncio
import os

from sandcrew.agents import AssistantAgent, CodeExecutorAgent, RoundRobinGroupChat
from sandcrew.agents.conditions import MaxMessageTermination, TextMentionTermination
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.ui import Console
from sandcrew.executors import SandboxCodeExecutor


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    async with SandboxCodeExecutor() as executor:
        coder = AssistantAgent(
            "coder",
            client,
            system_message="Write Python in ```python blocks. Reply TERMINATE when it is done.",
        )
        runner = CodeExecutorAgent("runner", executor)
        team = RoundRobinGroupChat(
            [coder, runner],
            termination_condition=TextMentionTermination("TERMINATE") | MaxMessageTermination(10),
        )
        await Console(team.run_stream(task="What is the sum of the first 100 primes?"))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

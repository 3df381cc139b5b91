"""One agent that writes code, runs it in the sandbox, mends it, and says what came out."""

import asyncio
import os

from sandcrew.agents import ApprovalRequest, ApprovalResponse, CodeExecutorAgent
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.ui import Console
from sandcrew.executors import SandboxCodeExecutor


def approve(request: ApprovalRequest) -> ApprovalResponse:
    """A rule of one's own: nothing that speaks of deleting."""
    harmless = "rmtree" not in request.code
    return ApprovalResponse(approved=harmless, reason="no deleting, please")


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    async with SandboxCodeExecutor(timeout=30) as executor:
        agent = CodeExecutorAgent(
            "analyst",
            executor,
            model_client=client,
            max_retries_on_error=2,
            approval_func=approve,
        )
        await Console(agent.run_stream(task="How many days are there from 2024-01-15 to today?"))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

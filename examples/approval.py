"""Code that is approved at the terminal before it runs: approve, edit, refuse, remember."""

import asyncio
import os

from sandcrew.agents import ApprovalPolicy, ApprovalRule, CodeExecutorAgent
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.ui import Console, TerminalApproval
from sandcrew.executors import SandboxCodeExecutor


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    async with SandboxCodeExecutor() as executor:
        agent = CodeExecutorAgent(
            "coder",
            executor,
            model_client=client,
            max_retries_on_error=2,
            approval_func=TerminalApproval(),
            # Plain sums need not be asked for; what is remembered becomes another rule.
            approval_policy=ApprovalPolicy(
                rules=(
                    ApprovalRule(
                        decision="approve", language="python", pattern=r"print\([\d\s+*/-]+\)"
                    ),
                )
            ),
        )
        await Console(agent.run_stream(task="How many days have three years?"))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

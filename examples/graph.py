"""A graph: two editors work on a draft at the same time, and a reviewer may send it back."""

import asyncio
import os

from sandcrew.agents import AssistantAgent, DiGraphBuilder, GraphFlow
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.ui import Console


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))

    def agent(name: str, instructions: str) -> AssistantAgent:
        return AssistantAgent(name, client, system_message=instructions)

    writer = agent("writer", "Draft a short paragraph, or mend it as the reviewer asks.")
    grammar = agent("grammar", "Correct the grammar of the draft.")
    style = agent("style", "Improve the style of the draft.")
    reviewer = agent("reviewer", "Merge both versions. Say APPROVE or REVISE, and why.")
    publisher = agent("publisher", "Give the final paragraph and nothing else.")

    builder = DiGraphBuilder()
    for node in (writer, grammar, style, reviewer, publisher):
        builder.add_node(node)
    builder.set_entry_point(writer)
    builder.add_edge(writer, grammar).add_edge(writer, style)
    builder.add_edge(grammar, reviewer).add_edge(style, reviewer)
    builder.add_edge(reviewer, writer, condition="REVISE")
    builder.add_edge(reviewer, publisher, condition="APPROVE")

    flow = GraphFlow(builder.get_participants(), graph=builder.build(), max_turns=12)
    await Console(flow.run_stream(task="A paragraph about climate change."))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

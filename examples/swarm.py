"""Agents that hand the conversation to each other, and to the person who asked."""

import asyncio
import os

from sandcrew.agents import AssistantAgent, HandoffTermination, Swarm
from sandcrew.agents.conditions import MaxMessageTermination, TextMentionTermination
from sandcrew.agents.messages import HandoffMessage
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.ui import Console


def refund_flight(flight_id: str) -> str:
    """Refund a flight."""
    return f"Flight {flight_id} refunded."


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    travel_agent = AssistantAgent(
        "travel_agent",
        client,
        handoffs=["flights_refunder", "user"],
        system_message="You plan trips. Hand refunds to flights_refunder, questions to user. "
        "Say TERMINATE when the traveller is served.",
    )
    flights_refunder = AssistantAgent(
        "flights_refunder",
        client,
        handoffs=["travel_agent", "user"],
        tools=[refund_flight],
        system_message="You refund flights by their number. Hand to user to ask for it, and to "
        "travel_agent when it is done.",
    )
    team = Swarm(
        [travel_agent, flights_refunder],
        termination_condition=HandoffTermination("user")
        | TextMentionTermination("TERMINATE")
        | MaxMessageTermination(20),
    )
    result = await Console(team.run_stream(task="I need to refund my flight."))
    last = result.messages[-1]
    if isinstance(last, HandoffMessage) and last.target == "user":
        answer = HandoffMessage(source="user", target=last.source, content="It is flight 507811.")
        await Console(team.run_stream(task=answer))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())

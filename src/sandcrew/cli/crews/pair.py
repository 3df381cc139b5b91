"""One writes code, the other runs it."""

from ...agents import AssistantAgent, RoundRobinGroupChat
from .crew import INSTRUCTIONS, Crew, Means
from .termination import Answered

_END = (
    "When the task is done, answer in a few sentences and without any code block: that ends the "
    "work."
)


def pair(means: Means) -> Crew:
    """The crew; solved when the coder answers."""
    coder = AssistantAgent(
        "coder",
        means.client(),
        system_message=means.told(f"{INSTRUCTIONS}\n\n{_END}"),
        model_client_stream=True,
    )
    answered = Answered("coder")
    team = RoundRobinGroupChat(
        [coder, means.runner("executor", sources=["coder"])],
        termination_condition=answered,
        max_turns=means.max_turns,
    )
    return Crew(team, lambda result: result.stop_reason == answered.reason)

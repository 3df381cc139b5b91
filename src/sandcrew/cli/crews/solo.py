"""One agent that writes code, runs it, mends it, and says what came out."""

from ...agents import RoundRobinGroupChat, TextMessageTermination
from ...agents.base import TaskResult
from .crew import INSTRUCTIONS, Crew, Means

_END = (
    "One program is to do the whole task. When it has run well, answer in a few sentences and "
    "without any code block."
)


def solo(means: Means) -> Crew:
    """The crew; solved when the last program ran well, or none was needed."""
    coder = means.runner(
        "coder",
        model_client=means.client(),
        model_client_stream=True,
        max_retries_on_error=means.max_turns - 1,
        system_message=means.told(f"{INSTRUCTIONS}\n\n{_END}"),
    )
    team = RoundRobinGroupChat([coder], termination_condition=TextMessageTermination("coder"))
    return Crew(team, _ran_well)


def _ran_well(result: TaskResult) -> bool:
    return result.messages[-1].metadata.get("exit_code", "0") == "0"

"""One writes code with tests, one runs it, one reviews it, until the tests pass."""

from ...agents import AssistantAgent, RoundRobinGroupChat
from ...agents.base.termination import Delta
from ...agents.conditions.simple import SimpleTermination
from ...agents.messages import CodeExecutionEvent, TextMessage
from .crew import INSTRUCTIONS, Crew, Means

_CODER = """\
Let every program test what it does: after the work itself, assert what must be true of the \
result, and print that the tests pass. A reviewer reads the program and its output; mend what is \
found, and give the whole program again.\
"""
_REVIEWER = """\
You review what a coder writes for the user's task, after it was run. Check the output: is it what \
the task asks for, do the tests pass, do they test what matters? Check the code: is it right also \
for other input, short, and easy to read? Say what has to be changed, as a list; write no code.

If there is nothing to change, tell the user the result in a few sentences, and end with a line \
that holds nothing but the word APPROVE.\
"""
_APPROVED = "approved, and the tests pass"


class Approved(SimpleTermination):
    """Met when the reviewer approves of code that ran well; before that its word does not count."""

    def __init__(self) -> None:
        super().__init__()
        self._ran_well = False

    async def _reason(self, messages: Delta) -> str | None:
        for message in messages:
            if isinstance(message, CodeExecutionEvent):
                self._ran_well = message.result.exit_code == 0
            elif isinstance(message, TextMessage) and message.source == "reviewer":
                lines = message.content.split()
                if self._ran_well and lines and lines[-1].strip("*.`") == "APPROVE":
                    return _APPROVED
        return None

    async def reset(self) -> None:
        await super().reset()
        self._ran_well = False


def review(means: Means) -> Crew:
    """The crew; solved when the reviewer approves, and the last program ran well."""
    coder = AssistantAgent(
        "coder",
        means.client(),
        system_message=means.told(f"{INSTRUCTIONS}\n\n{_CODER}"),
        model_client_stream=True,
    )
    reviewer = AssistantAgent(
        "reviewer", means.client(), system_message=_REVIEWER, model_client_stream=True
    )
    team = RoundRobinGroupChat(
        [coder, means.runner("executor", sources=["coder"]), reviewer],
        termination_condition=Approved(),
        max_turns=means.max_turns,
    )
    return Crew(team, lambda result: result.stop_reason == _APPROVED)

"""An orchestrator leads a coder, a terminal and a file surfer."""

from ...agents import MagenticOne
from .crew import Crew, Means, unconfined_allowed


def magentic(means: Means) -> Crew:
    """The crew; solved when the orchestrator finds the request satisfied."""
    with unconfined_allowed():
        team = MagenticOne(
            means.client(),
            code_executor=means.executor,
            approval_func=means.approval,
            max_turns=means.max_turns,
        )
    return Crew(team, lambda _: team.satisfied)

"""Who may be in a team."""

from collections.abc import Sequence

from ...sandbox.errors import UsageError
from ..base.chat_agent import ChatAgent
from ..base.team import Team

Member = ChatAgent | Team


def check_members(team: str, participants: Sequence[Member]) -> dict[str, Member]:
    """The members by name, in order.

    Raises
    ------
    UsageError
        There are none, two of one name, or something that is no agent and no team.
    """
    if not participants:
        raise UsageError(f"Team {team!r} has no participants.")
    members: dict[str, Member] = {}
    for member in participants:
        if not isinstance(member, ChatAgent | Team):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(
                f"Participants are agents and teams; {type(member).__name__} is neither."
            )
        if member.name in members:
            raise UsageError(f"Two participants of team {team!r} are called {member.name!r}.")
        members[member.name] = member
    return members

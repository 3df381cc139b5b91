"""A team whose members take turns."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...sandbox.errors import UsageError
from ..base.chat_agent import ChatAgent
from ..base.team import Team
from ..base.termination import TerminationCondition
from ..messages import BaseAgentEvent, BaseChatMessage
from .group_chat import BaseGroupChat


class RoundRobinGroupChat(BaseGroupChat):
    """The members speak in order, again and again. Names and defaults are AutoGen's.

    Parameters
    ----------
    participants:
        Agents and teams, at least one, with different names.
    name, description:
        Of the team, should it be a member of another.
    termination_condition:
        What ends a run.
    max_turns:
        How many turns end a run.
    runtime:
        Not used: there is none between the members. Only ``None`` is accepted.
    custom_message_types:
        Message types of one's own, so that saved state can be loaded.
    emit_team_events:
        Tell who speaks next (:class:`SelectSpeakerEvent`).

    Raises
    ------
    UsageError
        No participants, two of one name, or an option that makes no sense.
    """

    def __init__(  # noqa: PLR0913 (AutoGen's signature)
        self,
        participants: Sequence[ChatAgent | Team],
        *,
        name: str | None = None,
        description: str | None = None,
        termination_condition: TerminationCondition | None = None,
        max_turns: int | None = None,
        runtime: None = None,
        custom_message_types: Sequence[type[BaseAgentEvent | BaseChatMessage]] | None = None,
        emit_team_events: bool = False,
    ) -> None:
        if runtime is not None:
            raise UsageError("A team runs without a runtime; leave runtime=… out.")
        super().__init__(
            participants,
            name=name,
            description=description,
            termination_condition=termination_condition,
            max_turns=max_turns,
            custom_message_types=custom_message_types,
            emit_team_events=emit_team_events,
        )
        self._order = tuple(self._members)
        self._next = 0

    async def _next_speaker(self) -> str:
        return self._order[self._next]

    def _turn_taken(self) -> None:
        self._next = (self._next + 1) % len(self._order)

    def _reset_speaker(self) -> None:
        self._next = 0

    def _save_speaker(self) -> Mapping[str, Any]:
        return {"next": self._order[self._next]}

    def _load_speaker(self, state: Mapping[str, Any]) -> None:
        name = state.get("next")
        if name not in self._order:
            raise UsageError(f"The saved state names a speaker who is not here: {name!r}.")
        self._next = self._order.index(name)

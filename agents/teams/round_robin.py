"""A team whose members take turns."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from ...sandbox.errors import UsageError
from ..base.chat_agent import ChatAgent
from ..base.team import Team
from ..base.termination import TerminationCondition
from ..messages import BaseAgentEvent, BaseChatMessage
from ..runtime import CancellationToken
from .group_chat import BaseGroupChat
from .steps import End, Entry, Next


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
        super().__init__(
            participants,
            name=name,
            description=description,
            termination_condition=termination_condition,
            max_turns=max_turns,
            runtime=runtime,
            custom_message_types=custom_message_types,
            emit_team_events=emit_team_events,
        )
        self._order = tuple(self._members)
        self._next = 0

    async def _choose(self, token: CancellationToken) -> AsyncGenerator[Entry | Next | End, None]:
        yield Next((self._order[self._next],))

    def _turn_taken(self, member: str, message: BaseChatMessage | None) -> None:
        self._next = (self._order.index(member) + 1) % len(self._order)

    async def _reset_speaker(self) -> None:
        self._next = 0

    async def _save_speaker(self) -> Mapping[str, Any]:
        return {"next": self._order[self._next]}

    async def _load_speaker(self, state: Mapping[str, Any]) -> None:
        name = state.get("next")
        if name not in self._order:
            raise UsageError(f"The saved state names a speaker who is not here: {name!r}.")
        self._next = self._order.index(name)

"""A team whose members hand the conversation to each other."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from ...sandbox.errors import UsageError
from ..base.chat_agent import ChatAgent
from ..base.team import Team
from ..base.termination import TerminationCondition
from ..messages import (
    BaseAgentEvent,
    BaseChatMessage,
    HandoffMessage,
    MemoryQueryEvent,
    SelectSpeakerEvent,
    ThoughtEvent,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
)
from ..runtime import CancellationToken
from .group_chat import BaseGroupChat
from .steps import End, Entry, Next

_PATIENCE = 3  # How often one may hand over to the same other while nothing else happens.


class Swarm(BaseGroupChat):
    """The speaker speaks until it hands over with a :class:`HandoffMessage`.

    The first participant begins. A run ends with a stop reason when somebody hands over to nobody
    here (to ``"user"``, say: go on with a task, or with a :class:`HandoffMessage` to the one that
    shall answer), and when the members only hand the conversation around.

    Parameters
    ----------
    participants:
        Agents and teams; the first must be able to hand over.
    name, description, termination_condition, max_turns, runtime:
        As for :class:`RoundRobinGroupChat`.
    custom_message_types, emit_team_events:
        As there.

    Raises
    ------
    UsageError
        The first agent cannot hand over.
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
        first = participants[0]
        if isinstance(first, ChatAgent) and not any(
            issubclass(kind, HandoffMessage) for kind in first.produced_message_types
        ):
            raise UsageError(
                f"The first participant of a swarm must be able to hand over, and {first.name!r} "
                "does not produce HandoffMessage (give it handoffs=[…])."
            )
        self._speaker = first.name
        self._nobody: str | None = None
        self._idle: list[tuple[str, str]] = []

    async def _choose(self, token: CancellationToken) -> AsyncGenerator[Entry | Next | End, None]:
        yield Next((self._speaker,))

    def _turn_taken(self, member: str, message: BaseChatMessage | None) -> None:
        if not isinstance(message, HandoffMessage):
            self._idle.clear()
            return
        if self._did_something(message):
            self._idle.clear()
        self._idle.append((member, message.target))
        if message.target in self._members:
            self._speaker = message.target
        else:
            self._nobody = message.target

    def _did_something(self, handoff: HandoffMessage) -> bool:
        """Whether anything happened in the turn but the handoff."""
        return bool(handoff.context) or any(
            not _is_about(entry, handoff) for entry in self._conversation.peek_unchecked()
        )

    def _finished(self, reason: str | None) -> str | None:
        nobody, self._nobody = self._nobody, None
        if reason is None and nobody is not None:
            reason = (
                f"{self._speaker} handed over to {nobody!r}, who is not in the team "
                f"({', '.join(self._members)})."
            )
        if reason is None and self._idle and self._idle.count(self._idle[-1]) >= _PATIENCE:
            around = " → ".join([*(source for source, _ in self._idle), self._idle[-1][1]])
            reason = f"The conversation is only handed around: {around}."
        if reason is not None:
            self._idle.clear()
        return reason

    async def _new_task(self, task: Sequence[BaseChatMessage]) -> None:
        """A handoff in the task says who begins.

        Raises
        ------
        UsageError
            Its target is not here.
        """
        await super()._new_task(task)
        self._idle.clear()
        # One without a target is addressed to the team as a whole, or only carries a context.
        handoffs = [m for m in task if isinstance(m, HandoffMessage) and m.target]
        if not handoffs:
            return
        if handoffs[-1].target not in self._members:
            raise UsageError(
                f"The task hands over to {handoffs[-1].target!r}, who is not in the team "
                f"({', '.join(self._members)})."
            )
        self._speaker = handoffs[-1].target

    async def _reset_speaker(self) -> None:
        self._speaker = next(iter(self._members))
        self._idle.clear()

    async def _save_speaker(self) -> Mapping[str, Any]:
        return {"current": self._speaker, "idle": [list(handoff) for handoff in self._idle]}

    async def _load_speaker(self, state: Mapping[str, Any]) -> None:
        name = state.get("current")
        if name not in self._members:
            raise UsageError(f"The saved state names a speaker who is not here: {name!r}.")
        self._speaker = name
        self._idle = [(source, target) for source, target in state.get("idle", ())]


def _is_about(entry: Entry, handoff: HandoffMessage) -> bool:
    """True for what an agent needs to hand over, and for what it thought of before."""
    if isinstance(entry, ToolCallExecutionEvent):
        return all(result.content == handoff.content for result in entry.content)
    return isinstance(
        entry,
        HandoffMessage | ThoughtEvent | MemoryQueryEvent | ToolCallRequestEvent
        | SelectSpeakerEvent,
    )  # fmt: skip

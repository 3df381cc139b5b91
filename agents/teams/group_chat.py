"""What all teams share; the base for a kind of team of one's own."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...sandbox.errors import UsageError
from ..base.team import Team
from ..messages import MessageFactory
from ..runtime import CancellationToken
from ..state import GroupChatState
from .conversation import Conversation, SavedConversation
from .turns import TurnTaking

_DAMAGE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What members raise of a state that is not of the shape they know."""


class BaseGroupChat(TurnTaking, ABC):
    """A team that talks turn by turn.

    A kind of team says who is next (:meth:`_choose`), and what it remembers for that
    (:meth:`_save_speaker`, :meth:`_load_speaker`, :meth:`_reset_speaker`).
    """

    @property
    def name(self) -> str:
        return self._name

    @property
    def description(self) -> str:
        return self._description

    @abstractmethod
    async def _reset_speaker(self) -> None:
        """Forget who spoke; the next run starts afresh."""

    @abstractmethod
    async def _save_speaker(self) -> Mapping[str, Any]:
        """What is remembered about who is next, as JSON."""

    @abstractmethod
    async def _load_speaker(self, state: Mapping[str, Any]) -> None:
        """Remember it again.

        Raises
        ------
        UsageError
            It is of a different team.
        """

    async def reset(self) -> None:
        await self._guard.idle()
        self._conversation.clear()
        self._untold = []
        self._due, self._begun, self._audible = [], [], 0
        await self._reset_speaker()
        await self._restart()
        await self._reset_members()

    async def _reset_members(self) -> None:
        for member in self._members.values():
            if isinstance(member, Team):
                await member.reset()
            else:
                await member.on_reset(CancellationToken())

    async def pause(self) -> None:
        for member in self._members.values():
            if isinstance(member, Team):
                await member.pause()
            else:
                await member.on_pause(CancellationToken())

    async def resume(self) -> None:
        for member in self._members.values():
            if isinstance(member, Team):
                await member.resume()
            else:
                await member.on_resume(CancellationToken())

    async def save_state(self) -> Mapping[str, Any]:
        parts = await self._parts()
        return GroupChatState(
            **self._conversation.save(),
            agent_states=parts.agent_states,
            current_turn=self._turns,
            interrupted=self._interrupted,
            ended=self._ended,
            untold=self._conversation.places_of(self._untold),
            due=self._due,
            begun=self._begun,
            audible=self._audible,
            speaker=parts.speaker,
            termination=parts.termination,
        ).model_dump(mode="json")

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await self._guard.idle()
        saved = GroupChatState.read(state)
        strangers = {*saved.due, *saved.begun, *saved.agent_states} - self._members.keys()
        if strangers:
            raise UsageError(f"The saved state names members who are not here: {strangers}.")
        conversation = self._loaded(saved)
        if not all(0 <= place < len(conversation.thread) for place in saved.untold):
            raise UsageError("The saved state is damaged: it names messages that are not in it.")
        before = await self._parts()
        try:
            await self._load_parts(_Parts(saved.agent_states, saved.speaker, saved.termination))
        except Exception as error:
            await self._load_parts(before)  # A state that cannot be loaded changes nothing.
            if isinstance(error, _DAMAGE) and not isinstance(error, UsageError):
                raise UsageError(f"The saved state is damaged: {error!r}.") from error
            raise
        self._conversation = conversation
        self._untold = [conversation.thread[place] for place in saved.untold]
        self._turns = saved.current_turn
        self._interrupted, self._ended = saved.interrupted, saved.ended
        self._due, self._begun, self._audible = saved.due, saved.begun, saved.audible

    def _loaded(self, saved: GroupChatState) -> Conversation:
        factory = MessageFactory()
        for message_type in self.message_types:
            factory.register(message_type)
        conversation = Conversation(self._members)
        conversation.load(
            SavedConversation(
                message_thread=saved.message_thread,
                aloud=saved.aloud,
                heard=saved.heard,
                checked=saved.checked,
            ),
            factory,
        )
        return conversation

    async def _parts(self) -> "_Parts":
        return _Parts(
            {name: await member.save_state() for name, member in self._members.items()},
            await self._save_speaker(),
            None if self._condition is None else await self._condition.save_state(),
        )

    async def _load_parts(self, parts: "_Parts") -> None:
        for name, member in self._members.items():
            await member.load_state(parts.agent_states[name])
        await self._load_speaker(parts.speaker)
        if self._condition is not None:
            await self._condition.reset()
            if parts.termination is not None:
                await self._condition.load_state(parts.termination)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The states of what a team is made of."""

    agent_states: Mapping[str, Mapping[str, Any]]
    speaker: Mapping[str, Any]
    termination: Mapping[str, Any] | None

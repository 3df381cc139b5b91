"""The conversation of a team, as one generator.

Nothing stands between the members: a turn is the member's own generator, iterated where it stands.
So whatever interrupts the caller's wait (a closed stream, a cancelled task or token) arrives in the
member's own await, errors reach the caller as they were raised, and nothing goes on behind its
back. A turn counts when its answer is there; one that was interrupted is taken again.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ...sandbox.errors import UsageError
from ..base.chat_agent import ChatAgent, Response, take_turn
from ..base.task import Task, TaskResult, task_messages
from ..base.team import Team
from ..base.termination import TerminationCondition
from ..messages import (
    BaseAgentEvent,
    BaseChatMessage,
    MessageFactory,
    SelectSpeakerEvent,
)
from ..models.usage import sum_usage
from ..runtime import CancellationToken, cancellable
from ..state import GroupChatState
from .conversation import Conversation, Entry
from .guard import Run, RunGuard
from .members import check_members


class BaseGroupChat(Team, ABC):
    """A team whose members speak one after the other.

    A kind of team says who is next: :meth:`_next_speaker`, and what it remembers for that.
    """

    def __init__(
        self,
        participants: Sequence[ChatAgent | Team],
        *,
        name: str | None = None,
        description: str | None = None,
        termination_condition: TerminationCondition | None = None,
        max_turns: int | None = None,
        custom_message_types: Sequence[type[BaseAgentEvent | BaseChatMessage]] | None = None,
        emit_team_events: bool = False,
    ) -> None:
        self._name = name or type(self).__name__
        self._description = description or "A team of agents."
        self._members = check_members(self._name, participants)
        if max_turns is not None and max_turns < 1:
            raise UsageError("max_turns must be at least 1.")
        self._condition = termination_condition
        self._max_turns = max_turns
        self._emit_team_events = emit_team_events
        factory = MessageFactory()
        for message_type in custom_message_types or ():
            factory.register(message_type)
        self._conversation = Conversation(self._members, factory)
        self._guard = RunGuard(self._name)
        self._turns = 0
        self._interrupted = False

    @property
    def name(self) -> str:
        return self._name

    @property
    def description(self) -> str:
        return self._description

    @abstractmethod
    async def _next_speaker(self) -> str:
        """The name of the member whose turn it is; asked again if its turn is interrupted."""

    @abstractmethod
    def _turn_taken(self) -> None:
        """The member that :meth:`_next_speaker` named has taken its turn."""

    @abstractmethod
    def _reset_speaker(self) -> None:
        """Start with the first speaker again."""

    @abstractmethod
    def _save_speaker(self) -> Mapping[str, Any]:
        """What is remembered about who is next, as JSON."""

    @abstractmethod
    def _load_speaker(self, state: Mapping[str, Any]) -> None:
        """Remember it again."""

    def run_stream(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        run = Run()
        stream = self._run_stream(run, task, cancellation_token, output_task_messages)
        run.belongs_to(stream)
        return stream

    async def _run_stream(
        self, run: Run, task: Task, token: CancellationToken | None, output_task: bool
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        given = task_messages(task)
        shown = given if output_task else []
        produced: list[Entry] = []
        reason: str | None = None
        await self._guard.enter(run)
        try:
            for message in shown:
                yield message
            talk = self._talk(given, token or CancellationToken())
            async with aclosing(cancellable(talk, token)) as items:
                async for item in items:
                    if isinstance(item, _End):
                        reason = item.reason
                        continue
                    if not _transient(item):
                        produced.append(item)
                    yield item
        finally:
            self._guard.leave(run)
        yield TaskResult(
            messages=[*shown, *produced],
            stop_reason=reason,
            usage=sum_usage(entry.models_usage for entry in produced),
        )

    async def _talk(
        self, given: Sequence[BaseChatMessage], token: CancellationToken
    ) -> AsyncGenerator["Entry | _End", None]:
        """Turn after turn; the end of the talk comes last."""
        if self._is_over() or (given and self._interrupted):
            await self._restart()
        self._interrupted = True
        self._conversation.thread += given
        reason = await self._begin(given)
        while reason is None:
            name = await self._next_speaker()
            if self._emit_team_events:
                yield SelectSpeakerEvent(content=[name], source=self._name)
            member = self._members[name]
            turn = (
                self._team_turn(member, token)
                if isinstance(member, Team)
                else self._agent_turn(member, token)
            )
            async with aclosing(turn) as items:
                async for item in items:
                    if isinstance(item, _End):
                        reason = item.reason
                    else:
                        yield item
        await self._restart()
        yield _End(reason)

    async def _agent_turn(
        self, agent: ChatAgent, token: CancellationToken
    ) -> AsyncGenerator["Entry | _End", None]:
        said: list[Entry] = []
        unheard = self._conversation.unheard(agent.name)
        async with aclosing(take_turn(agent, unheard, token)) as items:
            async for item in items:
                if isinstance(item, Response):
                    said.append(item.chat_message)
                else:
                    if not _transient(item):
                        said.append(item)
                    yield item
        # From here on the turn counts, also if nobody waits for what comes after the answer.
        self._conversation.thread += said
        end = await self._end_turn(agent.name, said)
        yield said[-1]
        yield end

    async def _team_turn(
        self, team: Team, token: CancellationToken
    ) -> AsyncGenerator["Entry | _End", None]:
        unheard = self._conversation.unheard(team.name)
        # A team remembers by itself what it was told, and goes on where it was interrupted.
        self._conversation.mark(team.name)
        said: list[Entry] = []
        stream = team.run_stream(
            task=unheard or None, cancellation_token=token, output_task_messages=False
        )
        async with aclosing(stream):
            async for item in stream:
                if isinstance(item, TaskResult):
                    continue
                if not _transient(item):
                    said.append(item)
                    self._conversation.thread.append(item)
                    self._conversation.mark(team.name)
                yield item
        yield await self._end_turn(team.name, said)

    async def _begin(self, given: Sequence[BaseChatMessage]) -> str | None:
        if self._condition is None or not given:
            return None
        stop = await self._condition.begin(given)
        return None if stop is None else stop.content

    async def _end_turn(self, member: str, said: Sequence[Entry]) -> "_End":
        self._conversation.mark(member)
        self._turn_taken()
        self._turns += 1
        stop = None if self._condition is None else await self._condition(said)
        if stop is not None:
            return _End(stop.content)
        if self._max_turns is not None and self._turns >= self._max_turns:
            return _End(f"Maximum number of turns {self._max_turns} reached.")
        return _End(None)

    def _is_over(self) -> bool:
        """The last run was left after the turn that ended it, before it could say so."""
        met = self._condition is not None and self._condition.terminated
        return met or (self._max_turns is not None and self._turns >= self._max_turns)

    async def _restart(self) -> None:
        """Count turns and watch for the end anew; what was said is kept."""
        self._turns = 0
        self._interrupted = False
        if self._condition is not None:
            await self._condition.reset()

    async def reset(self) -> None:
        await self._guard.idle()
        self._conversation.clear()
        self._reset_speaker()
        await self._restart()
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
        thread, heard = self._conversation.save()
        return GroupChatState(
            agent_states={name: await m.save_state() for name, m in self._members.items()},
            message_thread=thread,
            heard=heard,
            current_turn=self._turns,
            interrupted=self._interrupted,
            speaker=self._save_speaker(),
            termination=None if self._condition is None else await self._condition.save_state(),
        ).model_dump(mode="json")

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await self._guard.idle()
        saved = GroupChatState.read(state)
        # Checks the names of the members too.
        self._conversation.load(saved.message_thread, saved.heard)
        for name, member in self._members.items():
            await member.load_state(saved.agent_states[name])
        self._turns, self._interrupted = saved.current_turn, saved.interrupted
        self._load_speaker(saved.speaker)
        if self._condition is not None:
            await self._condition.reset()
            if saved.termination is not None:
                await self._condition.load_state(saved.termination)


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a turn, and of the run too if there is a reason."""

    reason: str | None


def _transient(entry: Entry) -> bool:
    return isinstance(entry, BaseAgentEvent) and entry.transient

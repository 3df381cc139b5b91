"""The conversation of a team, as one generator.

Nothing stands between the members: a turn is the member's own generator, iterated where it stands.
So whatever interrupts the caller's wait (a closed stream, a cancelled task or token) arrives in the
member's own await, errors reach the caller as they were raised, and nothing goes on behind its
back. A turn counts when its answer is there; one that was interrupted is taken again, by the same
speaker.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from ...sandbox.errors import UsageError
from ..base.chat_agent import ChatAgent, Response, take_turn
from ..base.task import Task, TaskResult, task_messages
from ..base.team import Team
from ..base.termination import TerminationCondition
from ..messages import BaseAgentEvent, BaseChatMessage, SelectSpeakerEvent
from ..models.usage import sum_usage
from ..runtime import CancellationToken, cancellable
from .conversation import Conversation
from .guard import Run, RunGuard
from .members import check_members
from .parallel import side_by_side
from .recipients import arrived
from .steps import End, Entry, Next, is_transient


def out_of_turns(limit: int) -> str:
    """The reason of a run that ended with its last turn."""
    return f"Maximum number of turns {limit} reached."


class TurnTaking(Team, ABC):
    """How a team talks; see :class:`BaseGroupChat`."""

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
        self._name = name or type(self).__name__
        self._description = description or "A team of agents."
        self._members = check_members(self._name, participants)
        if max_turns is not None and max_turns < 1:
            raise UsageError("max_turns must be at least 1.")
        self._condition = termination_condition
        self._max_turns = max_turns
        self._emit_team_events = emit_team_events
        self._custom_types = tuple(custom_message_types or ())
        self._conversation = Conversation(self._members)
        self._guard = RunGuard(self._name)
        self._turns = 0
        self._interrupted = False
        self._ended: str | None = None  # Why the run is over that could not say so any more.
        self._untold: list[Entry] = []  # Recorded by members side by side, and not yet given away.
        self._due: list[str] = []
        self._begun: list[str] = []
        self._audible = 0  # Up to where those who are due hear; not each other.

    @property
    def message_types(self) -> Sequence[type[Entry]]:
        of_members = (kind for m in self._members.values() for kind in m.message_types)
        return (*self._custom_types, *of_members)

    @abstractmethod
    def _choose(self, token: CancellationToken) -> AsyncGenerator[Entry | Next | End, None]:
        """Decide who is next, or that nobody is; what happens on the way comes before that.

        Asked when everybody who was to speak has spoken; asked again if it was interrupted.
        """

    def _turn_taken(self, member: str, message: BaseChatMessage | None) -> None:
        """The member has taken its turn, and ended it with ``message``."""

    def _finished(self, reason: str | None) -> str | None:
        """Why the run is over after this turn: ``reason``, or because nobody can go on."""
        return reason

    async def _new_task(self, task: Sequence[BaseChatMessage]) -> None:
        """There is a new task; who was interrupted by that is not asked again."""
        del task
        self._due, self._begun = [], []

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
            begin = await self._begin(given)
            for message in shown:
                yield message
            talk = self._talk(begin, token or CancellationToken())
            async with aclosing(cancellable(talk, token)) as items:
                async for item in items:
                    if isinstance(item, End):
                        reason = item.reason
                        continue
                    if not is_transient(item):
                        produced.append(item)
                    yield item
        finally:
            self._guard.leave(run)
        yield TaskResult(
            messages=[*shown, *produced],
            stop_reason=reason,
            usage=sum_usage(entry.models_usage for entry in produced),
        )

    async def _begin(self, given: Sequence[BaseChatMessage]) -> End:
        """Take in the task; it may be the end already."""
        if (self.at_end and not self._untold) or (given and self._interrupted):
            await self._restart()
        self._interrupted = True
        if not given:
            return End(self._ended)
        await self._new_task(given)
        self._conversation.tell(given)
        self._audible = self._conversation.now()
        stop = None if self._condition is None else await self._condition.begin(given)
        self._ended = None if stop is None else stop.content
        return End(self._ended)

    async def _talk(self, end: End, token: CancellationToken) -> AsyncGenerator[Entry | End, None]:
        """Turn after turn; the end of the talk comes last."""
        while self._untold:
            yield self._untold.pop(0)
        while end.reason is None:
            step = self._due_turns(token) if self._due else self._chosen(token)
            seconds = None if self._condition is None else self._condition.seconds_left()
            async with aclosing(step if seconds is None else self._until(seconds, step)) as items:
                async for item in items:
                    if isinstance(item, End):
                        end = item
                        continue
                    if self._untold:
                        self._untold = [entry for entry in self._untold if entry is not item]
                    yield item
        await self._restart()
        yield end

    async def _until(
        self, seconds: float, step: AsyncGenerator[Entry | End, None]
    ) -> AsyncGenerator[Entry | End, None]:
        """The same items; after some seconds ``step`` is interrupted and the condition asked."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        async with aclosing(step):
            while True:
                # Left before each item is given away: meanwhile the task is somebody else's.
                limit = asyncio.timeout_at(deadline)
                try:
                    async with limit:
                        item = await anext(step)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    if not limit.expired():
                        raise
                    break
                yield item
        yield End(await self._ask_condition() or "The time is over.")

    async def _ask_condition(self) -> str | None:
        entries = self._conversation.unchecked()
        stop = None if self._condition is None else await self._condition(entries)
        return None if stop is None else stop.content

    async def _chosen(self, token: CancellationToken) -> AsyncGenerator[Entry | End, None]:
        """Let :meth:`_choose` decide; then somebody is due, or it is the end."""
        async with aclosing(self._choose(token)) as items:
            async for item in items:
                if isinstance(item, Next | End):
                    if item.said is not None:
                        self._conversation.add(item.said)
                    self._decided(item)
                    if item.said is not None:
                        yield item.said
                    if isinstance(item, End):
                        yield item
                    elif self._emit_team_events:
                        yield SelectSpeakerEvent(content=list(item.speakers), source=self._name)
                else:
                    if not is_transient(item):
                        self._conversation.add(item)
                    yield item

    def _decided(self, decision: Next | End) -> None:
        if isinstance(decision, End):
            self._ended = decision.reason
        else:
            self._due, self._begun = list(decision.speakers), []
            self._audible = self._conversation.now()

    def _due_turns(self, token: CancellationToken) -> AsyncGenerator[Entry | End, None]:
        turns = [self._turn(self._members[name], token) for name in self._due]
        return turns[0] if len(turns) == 1 else side_by_side(turns)

    def _turn(
        self, member: ChatAgent | Team, token: CancellationToken
    ) -> AsyncGenerator[Entry | End, None]:
        if isinstance(member, Team):
            return self._team_turn(member, token)
        return self._agent_turn(member, token)

    async def _agent_turn(
        self, agent: ChatAgent, token: CancellationToken
    ) -> AsyncGenerator[Entry | End, None]:
        told: list[Entry] = []
        answer: BaseChatMessage | None = None
        audible = self._audible
        unheard = self._conversation.unheard(agent.name, audible)
        async with aclosing(take_turn(agent, unheard, token)) as items:
            async for item in items:
                if isinstance(item, Response):
                    answer = item.chat_message
                else:
                    if not is_transient(item):
                        told.append(item)
                    yield item
        assert answer is not None, "take_turn() ends with a response or raises"
        # From here on the turn counts, also if nobody waits for what comes after the answer.
        for entry in told:
            self._conversation.add(entry, agent.name, aloud=False)
        self._conversation.add(answer, agent.name)
        self._untold.append(answer)
        self._conversation.mark(agent.name, audible)
        end = await self._end_turn(agent.name, answer)
        yield answer
        yield end

    async def _team_turn(
        self, team: Team, token: CancellationToken
    ) -> AsyncGenerator[Entry | End, None]:
        unheard = arrived(self._conversation.unheard(team.name, self._audible), self._members)
        # A team remembers by itself what it was told, and goes on where it was interrupted.
        self._conversation.mark(team.name, self._audible)
        if not (team.name in self._begun and isinstance(team, TurnTaking) and team.at_end):
            self._begun.append(team.name)
            stream = team.run_stream(
                task=unheard or None, cancellation_token=token, output_task_messages=False
            )
            async with aclosing(stream):
                async for item in stream:
                    if isinstance(item, TaskResult):
                        continue
                    if not is_transient(item):
                        self._conversation.add(item, team.name)
                        self._untold.append(item)
                    yield item
        yield await self._end_turn(team.name, self._conversation.last_of(team.name))

    async def _end_turn(self, member: str, message: BaseChatMessage | None) -> End:
        """Members that speak at the same time take one turn together."""
        self._due.remove(member)
        self._turn_taken(member, message)
        if self._due:
            return End(None)
        self._turns += 1
        reason = self._finished(await self._ask_condition())
        if reason is None and self._max_turns is not None and self._turns >= self._max_turns:
            reason = out_of_turns(self._max_turns)
        self._ended = reason
        return End(reason)

    @property
    def at_end(self) -> bool:
        """True when the last run was left after what ended it, before it could say so."""
        return self._ended is not None

    async def _restart(self) -> None:
        """Count turns and watch for the end anew; what was said is kept."""
        self._turns = 0
        self._interrupted = False
        self._ended = None
        if self._condition is not None:
            await self._condition.reset()

"""A team whose members speak as a graph says."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from ....sandbox.errors import UsageError
from ...base.chat_agent import ChatAgent
from ...base.team import Team
from ...base.termination import TerminationCondition
from ...messages import BaseAgentEvent, BaseChatMessage
from ...runtime import CancellationToken
from ..group_chat import BaseGroupChat
from ..steps import End, Entry, Next
from .model import DiGraph
from .progress import Progress

_COMPLETE = "Digraph execution is complete"


class GraphFlow(BaseGroupChat):
    """The members speak as a graph says, those that are ready at the same time together.

    A run ends when no node is ready; the stop reason says so, and also who still waits for whom,
    or whose edges all did not fit. The next task starts at the start nodes. A run that was ended by
    a condition, or interrupted, goes on where it was in the graph.

    Parameters
    ----------
    participants:
        The agents and teams the nodes of the graph name.
    graph:
        Who speaks after whom; build it with :class:`DiGraphBuilder`.
    name, description, termination_condition, max_turns, runtime, custom_message_types:
        As for :class:`RoundRobinGroupChat`; members that speak together take one turn.
    emit_team_events:
        Tell who speaks next (:class:`SelectSpeakerEvent`).

    Raises
    ------
    UsageError
        The graph makes no sense, names somebody who is no participant, or has a cycle and nothing
        that would end a run.
    """

    def __init__(  # noqa: PLR0913 (AutoGen's signature)
        self,
        participants: Sequence[ChatAgent | Team],
        graph: DiGraph,
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
        graph.graph_validate()
        for node in graph.nodes:
            if node not in self._members:
                raise UsageError(f"Node '{node}' of the graph is not among the participants.")
        if termination_condition is None and max_turns is None and graph.get_has_cycles():
            raise UsageError(
                "A termination condition is required for cyclic graphs without a maximum turn "
                "limit."
            )
        self._progress = Progress(graph)

    async def _choose(self, token: CancellationToken) -> AsyncGenerator[Entry | Next | End, None]:
        yield Next(self._progress.take_ready())

    def _finished(self, reason: str | None) -> str | None:
        if self._progress.ready:
            return reason
        obstacles = self._progress.obstacles()
        self._progress.start()
        return f"{_COMPLETE}, but {' and '.join(obstacles)}" if obstacles else _COMPLETE

    def _turn_taken(self, member: str, message: BaseChatMessage | None) -> None:
        self._progress.finished(member, message)

    async def _new_task(self, task: Sequence[BaseChatMessage]) -> None:
        """Who was interrupted stays due: without it the graph could not go on."""

    async def _reset_speaker(self) -> None:
        self._progress.start()

    async def _save_speaker(self) -> Mapping[str, Any]:
        return self._progress.save()

    async def _load_speaker(self, state: Mapping[str, Any]) -> None:
        self._progress.load(state)

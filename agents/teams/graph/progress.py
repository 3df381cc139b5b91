"""How far a run over a graph has come."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from ....sandbox.errors import UsageError
from ...messages import BaseChatMessage
from .model import DiGraph


class _Saved(BaseModel):
    ready: list[str]
    arrived: dict[str, dict[str, list[str]]] = Field(
        default_factory=dict[str, dict[str, list[str]]]
    )
    stuck: list[str] = Field(default_factory=list[str])
    """Nodes that spoke, and had no edge for what they said."""
    at_leaf: bool = False
    """A node without edges has spoken."""


class Progress:
    """Which nodes are ready, and which still wait for whom."""

    def __init__(self, graph: DiGraph) -> None:
        self._graph = graph
        # Whom the edges of a group come from, by target and group.
        self._sources: dict[str, dict[str, set[str]]] = {}
        for source, edge in graph.edges():
            groups = self._sources.setdefault(edge.target, {})
            groups.setdefault(edge.activation_group, set()).add(source)
        self.start()

    def start(self) -> None:
        """Go back to the start nodes."""
        starts = self._graph.get_start_nodes()
        self._state = _Saved(ready=[name for name in self._graph.nodes if name in starts])

    @property
    def ready(self) -> bool:
        return bool(self._state.ready)

    def take_ready(self) -> tuple[str, ...]:
        """The nodes that speak now."""
        ready = tuple(self._state.ready)
        self._state.ready.clear()
        return ready

    def finished(self, node: str, message: BaseChatMessage | None) -> None:
        """The node has spoken: follow the edges that fit its message."""
        edges = self._graph.nodes[node].edges
        taken = [e for e in edges if message is not None and e.check_condition(message)]
        self._state.at_leaf = self._state.at_leaf or not edges
        self._state.stuck = [other for other in self._state.stuck if other != node]
        if edges and not taken:
            self._state.stuck.append(node)
        for edge in taken:
            arrived = self._state.arrived.setdefault(edge.target, {})
            group = arrived.setdefault(edge.activation_group, [])
            if node not in group:
                group.append(node)
            sources = self._sources[edge.target][edge.activation_group]
            if edge.activation_condition == "any" or sources == set(group):
                del arrived[edge.activation_group]
                if edge.target not in self._state.ready:
                    self._state.ready.append(edge.target)

    def obstacles(self) -> list[str]:
        """Why nothing is ready, unless everything is done."""
        waiting = [
            f"'{target}' still waits for {_names(self._sources[target][group] - set(sources))}"
            for target, groups in self._state.arrived.items()
            for group, sources in groups.items()
        ]
        stuck = [] if self._state.at_leaf else self._state.stuck
        return waiting + [f"no edge of '{node}' fits its message" for node in stuck]

    def save(self) -> Mapping[str, Any]:
        return self._state.model_dump(mode="json")

    def load(self, state: Mapping[str, Any]) -> None:
        """Go back to saved progress.

        Raises
        ------
        UsageError
            It is of another graph.
        """
        try:
            saved = _Saved.model_validate(state)
        except ValidationError as error:
            raise UsageError(f"This is not the progress of a graph: {error}") from error
        strangers = {*saved.ready, *saved.arrived} - self._graph.nodes.keys()
        if strangers:
            raise UsageError(f"The saved state is of another graph; {_names(strangers)} not here.")
        self._state = saved


def _names(names: set[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))

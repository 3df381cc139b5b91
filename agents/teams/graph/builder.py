"""Building a graph from agents, step by step."""

from collections.abc import Mapping

from ....sandbox.errors import UsageError
from ...base.chat_agent import ChatAgent
from ...base.team import Team
from .model import Activation, Condition, DiGraph, DiGraphEdge, DiGraphNode

Place = str | ChatAgent | Team
"""A member, or its name."""


class DiGraphBuilder:
    """Builds a :class:`DiGraph`; each step gives the builder back. Names are AutoGen's.

    Example
    -------
    ::

        builder = DiGraphBuilder()
        builder.add_node(writer).add_node(reviewer).add_edge(writer, reviewer)
        flow = GraphFlow(builder.get_participants(), graph=builder.build())
    """

    def __init__(self) -> None:
        self.nodes: dict[str, DiGraphNode] = {}
        self.agents: dict[str, ChatAgent | Team] = {}
        self._start: str | None = None

    def add_node(self, agent: ChatAgent | Team, activation: Activation = "all") -> "DiGraphBuilder":
        """Add a member, once; ``activation`` is for the edges to it that do not say."""
        self.nodes.setdefault(agent.name, DiGraphNode(name=agent.name, activation=activation))
        if self.agents.setdefault(agent.name, agent) is not agent:
            raise UsageError(f"Two nodes of the graph are called '{agent.name}'.")
        return self

    def add_edge(
        self,
        source: Place,
        target: Place,
        condition: str | Condition | None = None,
        activation_group: str | None = None,
        activation_condition: Activation | None = None,
    ) -> "DiGraphBuilder":
        """Let ``target`` speak after ``source``.

        Raises
        ------
        UsageError
            One of them is no node yet.
        """
        names = [place if isinstance(place, str) else place.name for place in (source, target)]
        for what, name in zip(("Source", "Target"), names, strict=True):
            if name not in self.nodes:
                raise UsageError(f"{what} node '{name}' must be added before adding an edge.")
        edge = DiGraphEdge(
            target=names[1],
            condition=condition,
            activation_group=activation_group or "",
            activation_condition=activation_condition or self.nodes[names[1]].activation,
        )
        self.nodes[names[0]].edges.append(edge)
        return self

    def add_conditional_edges(
        self, source: Place, condition_to_target: Mapping[str, Place]
    ) -> "DiGraphBuilder":
        """Add an edge for each text."""
        for condition, target in condition_to_target.items():
            self.add_edge(source, target, condition)
        return self

    def set_entry_point(self, name: Place) -> "DiGraphBuilder":
        """Start here, whatever edges lead to it.

        Raises
        ------
        UsageError
            It is no node yet.
        """
        start = name if isinstance(name, str) else name.name
        if start not in self.nodes:
            raise UsageError(f"Start node '{start}' must be added before setting as entry point.")
        self._start = start
        return self

    def build(self) -> DiGraph:
        """The graph.

        Raises
        ------
        UsageError
            It makes no sense; see :meth:`DiGraph.graph_validate`.
        """
        graph = DiGraph(
            nodes={name: node.model_copy(deep=True) for name, node in self.nodes.items()},
            default_start_node=self._start,
        )
        graph.graph_validate()
        return graph

    def get_participants(self) -> list[ChatAgent | Team]:
        """The members, in the order they were added."""
        return list(self.agents.values())

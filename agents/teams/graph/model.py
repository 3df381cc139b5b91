"""A directed graph of agents, as a value that can be checked and saved."""

from collections.abc import Callable, Iterator
from typing import Literal

from pydantic import BaseModel, Field, model_validator

from ....sandbox.errors import UsageError
from ...messages import BaseChatMessage

Activation = Literal["all", "any"]
Condition = Callable[[BaseChatMessage], bool]


class DiGraphEdge(BaseModel):
    """Who speaks after whom, and when. Names and defaults are AutoGen's."""

    target: str
    """The node it leads to."""
    condition: str | Condition | None = None
    """Text the message must hold, or a function that is asked; by default always.

    The edge leaves a node that the program chose, so all that node says counts: of one that runs
    code also what the code prints. Where that must not decide, let a function ask for
    ``message.metadata["exit_code"]``.
    """
    condition_function: Condition | None = Field(default=None, exclude=True)
    """A function given as ``condition`` is kept here; JSON has no place for it."""
    activation_group: str = ""
    """The edges to one target may wait in several groups; by default all are in one."""
    activation_condition: Activation = "all"
    """Whether the target waits for all edges of the group or for any."""

    @model_validator(mode="after")
    def _settle(self) -> "DiGraphEdge":
        if callable(self.condition):
            self.condition_function, self.condition = self.condition, None
        self.activation_group = self.activation_group or self.target
        return self

    @property
    def conditional(self) -> bool:
        return self.condition is not None or self.condition_function is not None

    def check_condition(self, message: BaseChatMessage) -> bool:
        """Whether the edge is taken after ``message``."""
        if self.condition_function is not None:
            return self.condition_function(message)
        return not isinstance(self.condition, str) or self.condition in message.to_model_text()


class DiGraphNode(BaseModel):
    """A member, and the edges that leave it."""

    name: str
    edges: list[DiGraphEdge] = Field(default_factory=list[DiGraphEdge])
    activation: Activation = "all"
    """For the edges to this node that do not say it themselves."""


class DiGraph(BaseModel):
    """Nodes by name; :meth:`graph_validate` says whether they make sense."""

    nodes: dict[str, DiGraphNode]
    default_start_node: str | None = None
    """Where it starts; by default at the nodes no edge leads to."""

    @model_validator(mode="after")
    def _settle(self) -> "DiGraph":
        """Edges that do not say when they activate their target take the target's word."""
        for _, edge in self.edges():
            if "activation_condition" not in edge.model_fields_set and edge.target in self.nodes:
                edge.activation_condition = self.nodes[edge.target].activation
        return self

    def edges(self) -> Iterator[tuple[str, DiGraphEdge]]:
        """Every edge with the node it leaves."""
        for node in self.nodes.values():
            for edge in node.edges:
                yield node.name, edge

    def get_parents(self) -> dict[str, list[str]]:
        parents: dict[str, list[str]] = {name: [] for name in self.nodes}
        for source, edge in self.edges():
            parents[edge.target].append(source)
        return parents

    def get_start_nodes(self) -> set[str]:
        if self.default_start_node:
            return {self.default_start_node}
        return {name for name, parents in self.get_parents().items() if not parents}

    def get_leaf_nodes(self) -> set[str]:
        return {name for name, node in self.nodes.items() if not node.edges}

    def get_has_cycles(self) -> bool:
        return self._find_cycle(lambda _: True) is not None

    def has_cycles_with_exit(self) -> bool:
        """Whether there are cycles, all of which can be left.

        Raises
        ------
        UsageError
            A cycle has no conditional edge.
        """
        endless = self._find_cycle(lambda edge: not edge.conditional)
        if endless is not None:
            raise UsageError(
                f"Cycle detected without exit condition: {' -> '.join(endless)}. "
                "Give one of its edges a condition."
            )
        return self.get_has_cycles()

    def _find_cycle(self, counts: Callable[[DiGraphEdge], bool]) -> list[str] | None:
        """The nodes of some cycle over the edges that count."""
        done: set[str] = set()
        for start in self.nodes:
            path: list[str] = []
            pending = [(start, 0)]
            while pending:
                name, depth = pending.pop()
                del path[depth:]
                if name in path:
                    return [*path[path.index(name) :], name]
                if name in done:
                    continue
                done.add(name)
                path.append(name)
                pending += [(e.target, depth + 1) for e in self.nodes[name].edges if counts(e)]
        return None

    def graph_validate(self) -> None:
        """The graph makes sense.

        Raises
        ------
        UsageError
            There is no node, start or leaf, an edge that leads nowhere, a node whose edges are
            conditional only in part, a group that contradicts itself, or a cycle without a way out.
        """
        if not self.nodes:
            raise UsageError("Graph has no nodes.")
        self._validate_names()
        if not self.get_start_nodes():
            raise UsageError("Graph must have at least one start node.")
        if not self.get_leaf_nodes():
            raise UsageError("Graph must have at least one leaf node.")
        for node in self.nodes.values():
            if len({edge.conditional for edge in node.edges}) > 1:
                raise UsageError(
                    f"Node '{node.name}' has a mix of conditional and unconditional edges."
                )
        self._validate_groups()
        self.has_cycles_with_exit()

    def _validate_names(self) -> None:
        for name, node in self.nodes.items():
            if name != node.name:
                raise UsageError(f"Node '{node.name}' is in the graph as '{name}'.")
        if self.default_start_node and self.default_start_node not in self.nodes:
            raise UsageError(f"The start node '{self.default_start_node}' is not in the graph.")
        for source, edge in self.edges():
            if edge.target not in self.nodes:
                raise UsageError(
                    f"An edge of '{source}' leads to '{edge.target}', which is not in the graph."
                )

    def _validate_groups(self) -> None:
        known: dict[tuple[str, str], tuple[str, Activation]] = {}
        for source, edge in self.edges():
            activation = edge.activation_condition
            first, its = known.setdefault(
                (edge.target, edge.activation_group), (source, activation)
            )
            if its != activation:
                raise UsageError(
                    f"Conflicting activation conditions for target '{edge.target}' group "
                    f"'{edge.activation_group}': '{its}' (from node '{first}') and "
                    f"'{activation}' (from node '{source}')."
                )

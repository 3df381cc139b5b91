"""Teams that follow a graph: the graph, building it, and going along it."""

from typing import TYPE_CHECKING

from ....sandbox.later import later as _later

if TYPE_CHECKING:
    from .builder import DiGraphBuilder
    from .flow import GraphFlow
    from .model import DiGraph, DiGraphEdge, DiGraphNode

__all__ = [
    "DiGraph",
    "DiGraphBuilder",
    "DiGraphEdge",
    "DiGraphNode",
    "GraphFlow",
]

__getattr__ = _later(
    __name__,
    {
        "builder": ["DiGraphBuilder"],
        "flow": ["GraphFlow"],
        "model": ["DiGraph", "DiGraphEdge", "DiGraphNode"],
    },
)

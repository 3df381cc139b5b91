"""Teams that follow a graph: the graph, building it, and going along it."""

from .builder import DiGraphBuilder
from .flow import GraphFlow
from .model import DiGraph, DiGraphEdge, DiGraphNode

__all__ = ["DiGraph", "DiGraphBuilder", "DiGraphEdge", "DiGraphNode", "GraphFlow"]

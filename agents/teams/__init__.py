"""Teams: who speaks when, and when it is over."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .group_chat import BaseGroupChat
from .round_robin import RoundRobinGroupChat

if TYPE_CHECKING:
    from .graph import DiGraph, DiGraphBuilder, DiGraphEdge, DiGraphNode, GraphFlow
    from .magentic import MagenticOneGroupChat
    from .routed import GroupChat
    from .selector import SelectorGroupChat
    from .swarm import Swarm

__all__ = [
    "BaseGroupChat",
    "DiGraph",
    "DiGraphBuilder",
    "DiGraphEdge",
    "DiGraphNode",
    "GraphFlow",
    "GroupChat",
    "MagenticOneGroupChat",
    "RoundRobinGroupChat",
    "SelectorGroupChat",
    "Swarm",
]

_LATER = {
    "DiGraph": "graph",
    "DiGraphBuilder": "graph",
    "DiGraphEdge": "graph",
    "DiGraphNode": "graph",
    "GraphFlow": "graph",
    "GroupChat": "routed",
    "MagenticOneGroupChat": "magentic",
    "SelectorGroupChat": "selector",
    "Swarm": "swarm",
}


def __getattr__(name: str) -> Any:
    """Teams that few programs use are loaded when they are."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LATER[name]}", __name__), name)

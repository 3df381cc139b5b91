"""Teams: who speaks when, and when it is over."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
    from .graph import DiGraph, DiGraphBuilder, DiGraphEdge, DiGraphNode, GraphFlow
    from .group_chat import BaseGroupChat
    from .magentic import MagenticOneGroupChat
    from .round_robin import RoundRobinGroupChat
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

__getattr__ = _later(
    __name__,
    {
        "graph": ["DiGraph", "DiGraphBuilder", "DiGraphEdge", "DiGraphNode", "GraphFlow"],
        "group_chat": ["BaseGroupChat"],
        "magentic": ["MagenticOneGroupChat"],
        "round_robin": ["RoundRobinGroupChat"],
        "routed": ["GroupChat"],
        "selector": ["SelectorGroupChat"],
        "swarm": ["Swarm"],
    },
)

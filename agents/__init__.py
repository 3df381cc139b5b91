"""Conversations around the loop: agents, teams, models, state."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .assistant import AssistantAgent
from .base import (
    AndTerminationCondition,
    ChatAgent,
    OrTerminationCondition,
    Response,
    TaskResult,
    TaskRunner,
    Team,
    TerminatedException,
    TerminationCondition,
)
from .chat_agent import BaseChatAgent
from .coding import (
    ApprovalFuncType,
    ApprovalPolicy,
    ApprovalRequest,
    ApprovalResponse,
    ApprovalRule,
    CodeExecutorAgent,
)
from .conditions import (
    CostTermination,
    ExternalTermination,
    FunctionalTermination,
    FunctionCallTermination,
    HandoffTermination,
    MaxMessageTermination,
    NoProgressTermination,
    SourceMatchTermination,
    StopMessageTermination,
    TextMentionTermination,
    TextMessageTermination,
    TimeoutTermination,
    TokenUsageTermination,
    WallTimeTermination,
)
from .teams import BaseGroupChat, RoundRobinGroupChat
from .user_proxy import UserProxyAgent

if TYPE_CHECKING:
    from .magentic_one import MagenticOne, MagenticOneCoderAgent
    from .message_filter import MessageFilterAgent, MessageFilterConfig, PerSourceFilter
    from .society_of_mind import SocietyOfMindAgent
    from .surfing import FileSurfer
    from .teams import (
        DiGraph,
        DiGraphBuilder,
        DiGraphEdge,
        DiGraphNode,
        GraphFlow,
        GroupChat,
        MagenticOneGroupChat,
        SelectorGroupChat,
        Swarm,
    )

__all__ = [
    "AndTerminationCondition",
    "ApprovalFuncType",
    "ApprovalPolicy",
    "ApprovalRequest",
    "ApprovalResponse",
    "ApprovalRule",
    "AssistantAgent",
    "BaseChatAgent",
    "BaseGroupChat",
    "ChatAgent",
    "CodeExecutorAgent",
    "CostTermination",
    "DiGraph",
    "DiGraphBuilder",
    "DiGraphEdge",
    "DiGraphNode",
    "ExternalTermination",
    "FileSurfer",
    "FunctionCallTermination",
    "FunctionalTermination",
    "GraphFlow",
    "GroupChat",
    "HandoffTermination",
    "MagenticOne",
    "MagenticOneCoderAgent",
    "MagenticOneGroupChat",
    "MaxMessageTermination",
    "MessageFilterAgent",
    "MessageFilterConfig",
    "NoProgressTermination",
    "OrTerminationCondition",
    "PerSourceFilter",
    "Response",
    "RoundRobinGroupChat",
    "SelectorGroupChat",
    "SocietyOfMindAgent",
    "SourceMatchTermination",
    "StopMessageTermination",
    "Swarm",
    "TaskResult",
    "TaskRunner",
    "Team",
    "TerminatedException",
    "TerminationCondition",
    "TextMentionTermination",
    "TextMessageTermination",
    "TimeoutTermination",
    "TokenUsageTermination",
    "UserProxyAgent",
    "WallTimeTermination",
]

_LATER = {
    "DiGraph": "teams",
    "DiGraphBuilder": "teams",
    "DiGraphEdge": "teams",
    "DiGraphNode": "teams",
    "FileSurfer": "surfing",
    "GraphFlow": "teams",
    "GroupChat": "teams",
    "MagenticOne": "magentic_one",
    "MagenticOneCoderAgent": "magentic_one",
    "MagenticOneGroupChat": "teams",
    "MessageFilterAgent": "message_filter",
    "MessageFilterConfig": "message_filter",
    "PerSourceFilter": "message_filter",
    "SelectorGroupChat": "teams",
    "SocietyOfMindAgent": "society_of_mind",
    "Swarm": "teams",
}


def __getattr__(name: str) -> Any:
    """What few programs use is loaded when it is."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LATER[name]}", __name__), name)

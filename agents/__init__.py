"""Conversations around the loop: agents, teams, models, state."""

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
from .coding import ApprovalFuncType, ApprovalRequest, ApprovalResponse, CodeExecutorAgent
from .conditions import (
    ExternalTermination,
    FunctionalTermination,
    FunctionCallTermination,
    HandoffTermination,
    MaxMessageTermination,
    SourceMatchTermination,
    StopMessageTermination,
    TextMentionTermination,
    TextMessageTermination,
    TimeoutTermination,
    TokenUsageTermination,
)
from .teams import BaseGroupChat, RoundRobinGroupChat
from .user_proxy import UserProxyAgent

__all__ = [
    "AndTerminationCondition",
    "ApprovalFuncType",
    "ApprovalRequest",
    "ApprovalResponse",
    "AssistantAgent",
    "BaseChatAgent",
    "BaseGroupChat",
    "ChatAgent",
    "CodeExecutorAgent",
    "ExternalTermination",
    "FunctionCallTermination",
    "FunctionalTermination",
    "HandoffTermination",
    "MaxMessageTermination",
    "OrTerminationCondition",
    "Response",
    "RoundRobinGroupChat",
    "SourceMatchTermination",
    "StopMessageTermination",
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
]

"""The shapes of saved state: JSON objects that name their type and version."""

from .shapes import (
    AssistantAgentState,
    BaseState,
    CodeExecutorAgentState,
    GroupChatState,
    SocietyOfMindAgentState,
)

__all__ = [
    "AssistantAgentState",
    "BaseState",
    "CodeExecutorAgentState",
    "GroupChatState",
    "SocietyOfMindAgentState",
]

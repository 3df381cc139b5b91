"""The shapes of saved state: JSON objects that name their type and version."""

from .shapes import AssistantAgentState, BaseState, CodeExecutorAgentState, GroupChatState

__all__ = ["AssistantAgentState", "BaseState", "CodeExecutorAgentState", "GroupChatState"]

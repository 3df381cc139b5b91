"""The shapes of saved state: JSON objects that name their type and version."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
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

__getattr__ = _later(
    __name__,
    {
        "shapes": [
            "AssistantAgentState",
            "BaseState",
            "CodeExecutorAgentState",
            "GroupChatState",
            "SocietyOfMindAgentState",
        ],
    },
)

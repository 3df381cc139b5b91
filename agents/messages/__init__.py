"""What agents say to each other (messages), and what they tell about their work (events)."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
    from .base import BaseAgentEvent, BaseChatMessage, BaseMessage, BaseTextChatMessage
    from .chat import (
        HandoffMessage,
        MultiModalMessage,
        StopMessage,
        StructuredContentType,
        StructuredMessage,
        TextMessage,
        ToolCallSummaryMessage,
    )
    from .events import (
        MemoryQueryEvent,
        ModelClientStreamingChunkEvent,
        SelectorEvent,
        SelectSpeakerEvent,
        ThoughtEvent,
        ToolCallExecutionEvent,
        ToolCallRequestEvent,
        UserInputRequestedEvent,
    )
    from .execution import (
        ApprovalRequestEvent,
        ApprovalResponseEvent,
        CodeExecutionEvent,
        CodeGenerationEvent,
        CodeOutputEvent,
        RetryDecisionEvent,
    )
    from .factory import AgentEvent, ChatMessage, MessageFactory
    from .structured import StructuredMessageFactory

__all__ = [
    "AgentEvent",
    "ApprovalRequestEvent",
    "ApprovalResponseEvent",
    "BaseAgentEvent",
    "BaseChatMessage",
    "BaseMessage",
    "BaseTextChatMessage",
    "ChatMessage",
    "CodeExecutionEvent",
    "CodeGenerationEvent",
    "CodeOutputEvent",
    "HandoffMessage",
    "MemoryQueryEvent",
    "MessageFactory",
    "ModelClientStreamingChunkEvent",
    "MultiModalMessage",
    "RetryDecisionEvent",
    "SelectSpeakerEvent",
    "SelectorEvent",
    "StopMessage",
    "StructuredContentType",
    "StructuredMessage",
    "StructuredMessageFactory",
    "TextMessage",
    "ThoughtEvent",
    "ToolCallExecutionEvent",
    "ToolCallRequestEvent",
    "ToolCallSummaryMessage",
    "UserInputRequestedEvent",
]

__getattr__ = _later(
    __name__,
    {
        "base": ["BaseAgentEvent", "BaseChatMessage", "BaseMessage", "BaseTextChatMessage"],
        "chat": [
            "HandoffMessage",
            "MultiModalMessage",
            "StopMessage",
            "StructuredContentType",
            "StructuredMessage",
            "TextMessage",
            "ToolCallSummaryMessage",
        ],
        "events": [
            "MemoryQueryEvent",
            "ModelClientStreamingChunkEvent",
            "SelectorEvent",
            "SelectSpeakerEvent",
            "ThoughtEvent",
            "ToolCallExecutionEvent",
            "ToolCallRequestEvent",
            "UserInputRequestedEvent",
        ],
        "execution": [
            "ApprovalRequestEvent",
            "ApprovalResponseEvent",
            "CodeExecutionEvent",
            "CodeGenerationEvent",
            "CodeOutputEvent",
            "RetryDecisionEvent",
        ],
        "factory": ["AgentEvent", "ChatMessage", "MessageFactory"],
        "structured": ["StructuredMessageFactory"],
    },
)

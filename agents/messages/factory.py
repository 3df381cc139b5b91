"""From JSON back to messages."""

from collections.abc import Mapping
from typing import Any

from ...sandbox.errors import UsageError
from .base import BaseAgentEvent, BaseChatMessage
from .chat import (
    HandoffMessage,
    MultiModalMessage,
    StopMessage,
    TextMessage,
    ToolCallSummaryMessage,
    type_name,
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

ChatMessage = (
    TextMessage | MultiModalMessage | StopMessage | ToolCallSummaryMessage | HandoffMessage
)
AgentEvent = (
    ToolCallRequestEvent
    | ToolCallExecutionEvent
    | MemoryQueryEvent
    | UserInputRequestedEvent
    | ModelClientStreamingChunkEvent
    | ThoughtEvent
    | SelectSpeakerEvent
    | SelectorEvent
    | CodeGenerationEvent
    | ApprovalRequestEvent
    | ApprovalResponseEvent
    | CodeOutputEvent
    | CodeExecutionEvent
    | RetryDecisionEvent
)


class MessageFactory:
    """Knows message types by the name in their ``type`` field."""

    def __init__(self) -> None:
        self._types: dict[str, type[BaseChatMessage | BaseAgentEvent]] = {}
        for known in (*ChatMessage.__args__, *AgentEvent.__args__):
            self.register(known)

    def is_registered(self, message_type: type[BaseChatMessage | BaseAgentEvent]) -> bool:
        return type_name(message_type) in self._types

    def register(self, message_type: type[BaseChatMessage | BaseAgentEvent]) -> None:
        """Add a type; again is no error."""
        self._types[type_name(message_type)] = message_type

    def create(self, data: Mapping[str, Any]) -> BaseChatMessage | BaseAgentEvent:
        """Make a message from its JSON.

        Raises
        ------
        UsageError
            Its type is not known.
        pydantic.ValidationError
            Its fields do not fit its type.
        """
        name = data.get("type")
        if not isinstance(name, str):
            raise UsageError("A message does not name its type.")
        if name not in self._types:
            raise UsageError(
                f"Unknown message type {name[:200]!r}: give the team custom_message_types=[…]."
            )
        return self._types[name].load(data)

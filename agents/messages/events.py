"""What agents tell about their work with models, tools and people."""

from typing import ClassVar, Literal

from ..memory.content import MemoryContent
from ..models.types import FunctionExecutionResult
from ..runtime.function_call import FunctionCall
from .base import BaseAgentEvent


class ToolCallRequestEvent(BaseAgentEvent):
    """The model wants tools called."""

    content: list[FunctionCall]
    type: Literal["ToolCallRequestEvent"] = "ToolCallRequestEvent"

    def to_text(self) -> str:
        return "\n".join(f"{call.name}({call.arguments})" for call in self.content)


class ToolCallExecutionEvent(BaseAgentEvent):
    """The tools were called."""

    content: list[FunctionExecutionResult]
    type: Literal["ToolCallExecutionEvent"] = "ToolCallExecutionEvent"

    def to_text(self) -> str:
        return "\n".join(result.content for result in self.content)


class UserInputRequestedEvent(BaseAgentEvent):
    """A person is asked, and the agent waits."""

    request_id: str
    content: Literal[""] = ""
    type: Literal["UserInputRequestedEvent"] = "UserInputRequestedEvent"

    def to_text(self) -> str:
        return ""


class MemoryQueryEvent(BaseAgentEvent):
    """What the memory gave."""

    content: list[MemoryContent]
    type: Literal["MemoryQueryEvent"] = "MemoryQueryEvent"

    def to_text(self) -> str:
        return "\n".join(item.to_text() for item in self.content)


class ModelClientStreamingChunkEvent(BaseAgentEvent):
    """A piece of the model's answer, as soon as it is there."""

    transient: ClassVar[bool] = True

    content: str
    full_message_id: str | None = None
    """The id of the message or event that the pieces become."""
    type: Literal["ModelClientStreamingChunkEvent"] = "ModelClientStreamingChunkEvent"

    def to_text(self) -> str:
        return self.content


class ThoughtEvent(BaseAgentEvent):
    """What the model thought before it spoke."""

    content: str
    type: Literal["ThoughtEvent"] = "ThoughtEvent"

    def to_text(self) -> str:
        return self.content


class SelectSpeakerEvent(BaseAgentEvent):
    """Who speaks next."""

    content: list[str]
    type: Literal["SelectSpeakerEvent"] = "SelectSpeakerEvent"

    def to_text(self) -> str:
        return ", ".join(self.content)


class SelectorEvent(BaseAgentEvent):
    """What the selecting model said."""

    content: str
    type: Literal["SelectorEvent"] = "SelectorEvent"

    def to_text(self) -> str:
        return self.content

"""The messages agents say to each other."""

from typing import Annotated, Any, Generic, Literal, TypeVar, cast

from pydantic import AfterValidator, BaseModel, Field, computed_field

from ..models.types import FunctionExecutionResult, LLMMessage, UserMessage
from ..runtime.function_call import FunctionCall
from ..runtime.image import Image
from .base import BaseChatMessage, BaseTextChatMessage
from .format_string import checked_format

StructuredContentType = TypeVar("StructuredContentType", bound=BaseModel, covariant=True)


class TextMessage(BaseTextChatMessage):
    """Plain text, usually Markdown."""

    type: Literal["TextMessage"] = "TextMessage"


class StopMessage(BaseTextChatMessage):
    """Asks the team to stop."""

    type: Literal["StopMessage"] = "StopMessage"


class HandoffMessage(BaseTextChatMessage):
    """Hands the conversation to another agent."""

    target: str
    """The name of the agent that is to go on."""
    context: list[LLMMessage] = Field(default_factory=list[LLMMessage])
    """What the target's model is to know."""
    type: Literal["HandoffMessage"] = "HandoffMessage"


class ToolCallSummaryMessage(BaseTextChatMessage):
    """The results of tool calls, as an answer."""

    tool_calls: list[FunctionCall]
    results: list[FunctionExecutionResult]
    type: Literal["ToolCallSummaryMessage"] = "ToolCallSummaryMessage"

    @property
    def relays_output(self) -> bool:
        return True

    def to_model_message(self) -> UserMessage:
        """The text, and the pictures the tools gave."""
        images = [image for result in self.results for image in result.images]
        content: list[str | Image] = [self.content, *images]
        return UserMessage(content=content if images else self.content, source=self.source)


class MultiModalMessage(BaseChatMessage):
    """Text and pictures."""

    content: list[str | Image]
    type: Literal["MultiModalMessage"] = "MultiModalMessage"

    def to_text(self) -> str:
        return self.to_model_text()

    def to_model_text(self, image_placeholder: str | None = "[image]") -> str:
        """The text, with ``image_placeholder`` for each picture (``None``: the data URI)."""
        return " ".join(
            part if isinstance(part, str) else (image_placeholder or part.data_uri)
            for part in self.content
        )

    def to_model_message(self) -> UserMessage:
        return UserMessage(content=list(self.content), source=self.source)


class StructuredMessage(BaseChatMessage, Generic[StructuredContentType]):
    """A value of a type of one's own: ``StructuredMessage[Answer](content=answer, source=…)``."""

    content: StructuredContentType
    format_string: Annotated[str, AfterValidator(checked_format)] | None = None
    """How to say it, with the fields of ``content`` in braces; by default as JSON."""

    @computed_field
    def type(self) -> str:
        return type_name(self.__class__, self.content)

    def to_text(self) -> str:
        if self.format_string is None:
            return self.content.model_dump_json()
        return self.format_string.format(**self.content.model_dump())

    def to_model_text(self) -> str:
        return self.to_text()

    def to_model_message(self) -> UserMessage:
        return UserMessage(content=self.to_text(), source=self.source)


def structured_message_type(content: type[BaseModel]) -> "type[StructuredMessage[BaseModel]]":
    """``StructuredMessage[content]``, where only the program knows which that is."""
    return cast("type[StructuredMessage[BaseModel]]", StructuredMessage.__class_getitem__(content))


def type_name(message_type: type[Any], content: BaseModel | None = None) -> str:
    """The ``type`` of a message: ``StructuredMessage[Answer]`` for a structured one."""
    if issubclass(message_type, StructuredMessage):
        inner = message_type.model_fields["content"].annotation
        if isinstance(inner, type) and inner is not BaseModel:
            return f"StructuredMessage[{inner.__name__}]"
        return f"StructuredMessage[{type(content).__name__}]"
    default = (
        message_type.model_fields["type"].default if hasattr(message_type, "model_fields") else None
    )
    return default if isinstance(default, str) else message_type.__name__

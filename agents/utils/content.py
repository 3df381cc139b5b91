"""The content of messages, in other forms."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from ..models.types import FunctionExecutionResultMessage, LLMMessage, UserMessage
from ..runtime.image import Image


def content_to_str(content: str | BaseModel | Sequence[Any]) -> str:
    """Any content as text; a picture is ``<image>``."""
    if isinstance(content, str):
        return content
    if isinstance(content, BaseModel):
        return content.model_dump_json()
    return "\n".join("<image>" if isinstance(part, Image) else str(part) for part in content)


def remove_images(messages: Sequence[LLMMessage]) -> list[LLMMessage]:
    """The messages with ``<image>`` for each picture, for models that cannot see."""
    return [_without_images(message) for message in messages]


def _without_images(message: LLMMessage) -> LLMMessage:
    if isinstance(message, UserMessage) and not isinstance(message.content, str):
        return message.model_copy(update={"content": content_to_str(message.content)})
    if isinstance(message, FunctionExecutionResultMessage) and any(
        result.images for result in message.content
    ):
        results = [result.model_copy(update={"images": []}) for result in message.content]
        return message.model_copy(update={"content": results})
    return message

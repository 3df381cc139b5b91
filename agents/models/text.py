"""The text of messages, for clients that count or log it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from .types import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)


def message_text(message: LLMMessage) -> str:
    """All the text of a message; a picture is ``<image>``."""
    match message:
        case SystemMessage():
            return message.content
        case UserMessage(content=str(content)) | AssistantMessage(content=str(content)):
            return content
        case UserMessage(content=parts):
            return " ".join(part if isinstance(part, str) else "<image>" for part in parts)
        case AssistantMessage(content=calls):
            return " ".join(f"{c.name} {c.arguments}" for c in calls if not isinstance(c, str))
        case FunctionExecutionResultMessage():
            return " ".join(result.content for result in message.content)


def estimate_tokens(messages: Sequence[LLMMessage]) -> int:
    """About how many tokens: four bytes each, and four tokens around every message."""
    return sum(len(message_text(message).encode()) // 4 + 4 for message in messages)


def estimate_tool_tokens(tools: Sequence[Any]) -> int:
    """About how many tokens the schemas of the tools are."""
    return sum(len(json.dumps(schema_of(tool), default=str)) // 4 for tool in tools)


def schema_of(tool: Any) -> Mapping[str, Any]:
    """The schema of a tool, which may be given instead of the tool itself."""
    return cast("Mapping[str, Any]", tool if isinstance(tool, Mapping) else tool.schema)

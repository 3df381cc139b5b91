"""The text of messages, for clients that count or log it."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
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


_LINE_ENDS = re.compile("[\x7f-\x9f\u2028\u2029]")
"""What JSON need not escape, and something that reads it may take for the end of a line."""


def transcript(said: Iterable[tuple[str, str]]) -> str:
    """Who said what, as a model is shown it: an object of JSON on a line for each message.

    In JSON words cannot end their own line, so that nobody can put words into another's mouth.
    """
    return "\n".join(as_json({"source": speaker, "content": words}) for speaker, words in said)


def as_json(value: Any) -> str:
    """JSON on one line, as short as a model can be shown it."""
    text = json.dumps(value, ensure_ascii=False)
    return _LINE_ENDS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def on_one_line(text: str) -> str:
    """The text, if it is one line; else the same as a string of JSON, which is one."""
    return text if len(text.splitlines()) < 2 else as_json(text)


def transcript_of(messages: Iterable[LLMMessage]) -> str:
    """The same of messages of a context."""
    return transcript((_speaker(message), message_text(message)) for message in messages)


def _speaker(message: LLMMessage) -> str:
    match message:
        case SystemMessage():
            return "system"
        case FunctionExecutionResultMessage():
            return "tool"
        case _:
            return message.source


def estimate_tokens(messages: Sequence[LLMMessage]) -> int:
    """About how many tokens: four bytes each, and four tokens around every message."""
    return sum(len(message_text(message).encode()) // 4 + 4 for message in messages)


def estimate_tool_tokens(tools: Sequence[Any]) -> int:
    """About how many tokens the schemas of the tools are."""
    return sum(len(json.dumps(schema_of(tool), default=str)) // 4 for tool in tools)


def schema_of(tool: Any) -> Mapping[str, Any]:
    """The schema of a tool, which may be given instead of the tool itself."""
    return cast("Mapping[str, Any]", tool if isinstance(tool, Mapping) else tool.schema)

"""From our messages to OpenAI's."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..text import transcript
from ..types import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)

if TYPE_CHECKING:
    from ...runtime.image import Image

# https://platform.openai.com/docs/api-reference/chat/create: what a name may not hold.
_BAD_IN_NAME = re.compile(r"[\s<|\\/>]")


class MessageConverter:
    """Turns messages into parameters of a request."""

    def __init__(self, *, name_prefixes: bool, names: bool) -> None:
        self._name_prefixes = name_prefixes
        self._names = names

    @property
    def settings(self) -> tuple[bool, bool]:
        """How it was made."""
        return self._name_prefixes, self._names

    def convert(self, messages: Sequence[LLMMessage]) -> list[dict[str, Any]]:
        return [param for message in messages for param in self._params(message)]

    def _params(self, message: LLMMessage) -> list[dict[str, Any]]:
        match message:
            case SystemMessage():
                return [{"role": "system", "content": message.content}]
            case UserMessage():
                return [self._user(message)]
            case AssistantMessage():
                return [self._assistant(message)]
            case FunctionExecutionResultMessage():
                return self._results(message)

    def _user(self, message: UserMessage) -> dict[str, Any]:
        content: Any
        if isinstance(message.content, str):
            content = self._said(message.source, message.content)
        else:
            parts: list[str | Image] = list(message.content)
            if self._name_prefixes and not any(isinstance(part, str) for part in parts):
                parts.insert(0, "")
            content = [
                {"type": "text", "text": self._said(message.source, part)}
                if isinstance(part, str)
                else part.to_openai_format()
                for part in parts
            ]
        return {"role": "user", "content": content, **self._name(message.source)}

    def _said(self, source: str, text: str) -> str:
        """The text, with its speaker: as JSON, in which it cannot bring in another."""
        return transcript([(source, text)]) if self._name_prefixes else text

    def _assistant(self, message: AssistantMessage) -> dict[str, Any]:
        if isinstance(message.content, str):
            return {
                "role": "assistant",
                "content": message.content,
                **self._name(message.source),
            }
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.content
        ]
        return {"role": "assistant", "content": message.thought, "tool_calls": calls}

    def _results(self, message: FunctionExecutionResultMessage) -> list[dict[str, Any]]:
        """A tool's message holds text only: its pictures follow in a user's."""
        params: list[dict[str, Any]] = [
            {"role": "tool", "content": result.content, "tool_call_id": result.call_id}
            for result in message.content
        ]
        content: list[dict[str, Any]] = []
        for result in message.content:
            if result.images:
                content.append({"type": "text", "text": f"What {result.name} shows:"})
                content += [image.to_openai_format() for image in result.images]
        return [*params, {"role": "user", "content": content}] if content else params

    def _name(self, source: str) -> dict[str, str]:
        return {"name": _BAD_IN_NAME.sub("_", source)[:64]} if self._names and source else {}


def convert_tools(tools: Sequence[Any], tool_choice: Any) -> dict[str, Any]:
    """The request's ``tools`` and ``tool_choice``: of tool objects, or of their schemas."""
    if not tools:
        return {}
    params: list[dict[str, Any]] = [
        {"type": "function", "function": tool if isinstance(tool, Mapping) else tool.schema}
        for tool in tools
    ]
    if not isinstance(tool_choice, str):
        tool_choice = {"type": "function", "function": {"name": tool_choice.name}}
    return {"tools": params, "tool_choice": tool_choice}

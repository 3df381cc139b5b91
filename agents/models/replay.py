"""A model client that reads its answers from a list."""

from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ...sandbox.errors import UsageError
from ..runtime import CancellationToken
from ..runtime.scope import cancel_scope
from .client import ChatCompletionClient
from .growing import Growing
from .info import ModelFamily, ModelInfo, validate_model_info
from .text import message_text
from .types import CreateResult, LLMMessage
from .usage import RequestUsage

_CONTEXT_WINDOW = 10_000
_REMEMBERED = 1_000  # calls: each holds a whole prompt
_CONVERSATIONS = 32


class ReplayChatCompletionClient(ChatCompletionClient):
    """Gives the recorded answers one after the other; words count as tokens.

    Parameters
    ----------
    chat_completions:
        The answers. A string is an answer with an estimated usage.
    model_info:
        What the replayed model can do; by default nothing but text.
    """

    def __init__(
        self,
        chat_completions: Sequence[str | CreateResult],
        model_info: ModelInfo | None = None,
    ) -> None:
        self.chat_completions = list(chat_completions)
        self._model_info = model_info or ModelInfo(
            vision=False,
            function_calling=False,
            json_output=False,
            family=ModelFamily.UNKNOWN,
            structured_output=False,
        )
        validate_model_info(self._model_info)
        self._cached = True
        self._next = 0
        self._calls: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self._conversations: dict[int, tuple[Growing, list[int]]] = {}
        """By their first message: agents that share this client have one each."""
        self._actual = RequestUsage(0, 0)
        self._total = RequestUsage(0, 0)

    @property
    def create_calls(self) -> list[dict[str, Any]]:
        """The arguments of the last 1,000 calls, streamed or not."""
        return list(self._calls)

    def set_cached_bool_value(self, value: bool) -> None:
        """What ``CreateResult.cached`` shall be."""
        self._cached = value

    def reset(self) -> None:
        """Start from the first answer, with no calls and no usage."""
        self._next = 0
        self._calls.clear()
        self._actual = RequestUsage(0, 0)
        self._total = RequestUsage(0, 0)

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Any] = (),
        tool_choice: Any = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        """The next recorded answer.

        Raises
        ------
        UsageError
            There is none left.
        """
        with cancel_scope(cancellation_token):
            result = self._take(messages)
        self._calls.append(
            {
                "messages": list(messages),
                "tools": tools,
                "tool_choice": tool_choice,
                "json_output": json_output,
                "extra_create_args": dict(extra_create_args or {}),
                "cancellation_token": cancellation_token,
                "stream": False,
            }
        )
        return result

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Any] = (),
        tool_choice: Any = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """The next recorded answer, word by word."""
        result = await self.create(
            messages,
            tools=tools,
            tool_choice=tool_choice,
            json_output=json_output,
            extra_create_args=extra_create_args,
            cancellation_token=cancellation_token,
        )
        self._calls[-1]["stream"] = True
        if isinstance(result.content, str):
            *words, last = result.content.split(" ")
            for chunk in [*(word + " " for word in words), last]:
                yield chunk
                with cancel_scope(cancellation_token):
                    pass
        yield result

    def _take(self, messages: Sequence[LLMMessage]) -> CreateResult:
        if self._next >= len(self.chat_completions):
            raise UsageError(
                f"No more mock responses available: all {self._next} recorded answers are used."
            )
        answer = self.chat_completions[self._next]
        self._next += 1
        if isinstance(answer, str):
            usage = RequestUsage(self._count(messages), len(answer.split()))
            answer = CreateResult(
                finish_reason="stop", content=answer, usage=usage, cached=self._cached
            )
        else:
            answer = answer.model_copy()
        self._actual += answer.usage
        self._total += answer.usage
        return answer

    def _count(self, messages: Sequence[LLMMessage]) -> int:
        """As :meth:`count_tokens`, and only what is new in each of the conversations."""
        first = id(messages[0]) if messages else 0
        if first not in self._conversations and len(self._conversations) == _CONVERSATIONS:
            self._conversations.clear()
        growing, counts = self._conversations.setdefault(first, (Growing(), []))
        start = growing.same(messages)
        counts[start:] = [self.count_tokens([message]) for message in messages[start:]]
        return sum(counts)

    async def close(self) -> None:
        pass

    def actual_usage(self) -> RequestUsage:
        return self._actual

    def total_usage(self) -> RequestUsage:
        return self._total

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Any] = ()) -> int:
        return sum(len(message_text(message).split()) for message in messages)

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Any] = ()) -> int:
        return _CONTEXT_WINDOW - self.count_tokens(messages, tools=tools)

    @property
    def model_info(self) -> ModelInfo:
        return self._model_info

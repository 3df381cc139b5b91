"""From OpenAI's answer, whole or in pieces, to ours."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from ....sandbox.errors import BackendCrashed
from ...runtime import FunctionCall
from ..types import ChatCompletionTokenLogprob, CreateResult, FinishReasons, TopLogprob
from ..usage import RequestUsage

if TYPE_CHECKING:
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletionChunk
    from openai.types.chat.chat_completion_chunk import ChoiceDelta

_REASONS: dict[str, FinishReasons] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "function_calls",
    "function_call": "function_calls",
    "content_filter": "content_filter",
}
_OPEN, _CLOSE = "<think>", "</think>"


def result_of(completion: Any) -> CreateResult:
    """The answer to a request that was not streamed.

    Raises
    ------
    BackendCrashed
        The server answered, but not with a chat completion.
    """
    # A ChatCompletion, but not every server keeps to the type: the answer may be a string, its
    # choices null.
    choices: Any = getattr(completion, "choices", None)
    if not choices or getattr(choices[0], "message", None) is None:
        raise BackendCrashed(
            f"The model server's answer is not a chat completion: {str(completion)[:200]!r}"
        )
    message: Any = choices[0].message
    tool_calls: list[Any] = message.tool_calls or []
    calls = [
        FunctionCall(call.id or "", call.function.arguments or "", call.function.name or "")
        for call in tool_calls
        if call.type == "function"
    ]
    thought, text = split_thought(message.content or "")
    logprobs = choices[0].logprobs
    return CreateResult(
        finish_reason=_reason(choices[0].finish_reason, calls),
        content=calls or text,
        usage=usage_of(completion.usage),
        cached=False,
        logprobs=_logprobs(logprobs.content) if logprobs else None,
        thought=_reasoning(message) or thought or (text or None if calls else None),
    )


def _logprobs(tokens: list[Any] | None) -> list[ChatCompletionTokenLogprob] | None:
    return [
        ChatCompletionTokenLogprob(
            token=token.token,
            logprob=token.logprob,
            top_logprobs=[TopLogprob(top.logprob, top.bytes) for top in token.top_logprobs or ()],
            bytes=token.bytes,
        )
        for token in tokens or ()
    ] or None


def usage_of(usage: "CompletionUsage | None") -> RequestUsage:
    if usage is None:
        return RequestUsage(0, 0)
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return RequestUsage(
        usage.prompt_tokens or 0,
        usage.completion_tokens or 0,
        (prompt.cached_tokens or 0) if prompt else 0,
        (completion.reasoning_tokens or 0) if completion else 0,
    )


def split_thought(text: str) -> tuple[str | None, str]:
    """The thought and the rest of ``<think>thought</think>rest``."""
    stripped = text.lstrip()
    if not stripped.startswith(_OPEN):
        return None, text
    thought, closed, rest = stripped[len(_OPEN) :].partition(_CLOSE)
    return (thought.strip(), rest.lstrip()) if closed else (None, text)


class StreamedReply:
    """Puts the pieces of a streamed answer together."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thought: list[str] = []
        self._calls: dict[int, FunctionCall] = {}
        self._finish_reason: str | None = None
        self._usage: CompletionUsage | None = None
        self._logprobs: list[Any] = []
        self._thinking = False

    @property
    def finished(self) -> bool:
        """False until the server said why it stopped: a stream that ends before was cut."""
        return self._finish_reason is not None

    def add(self, chunk: "ChatCompletionChunk") -> Iterator[str]:
        """Take a piece in; gives the text to show, with thoughts between ``<think>`` tags."""
        if chunk.usage is not None:
            self._usage = chunk.usage
        if not chunk.choices:
            return
        choice = chunk.choices[0]
        if choice.finish_reason is not None:
            self._finish_reason = choice.finish_reason
        if choice.logprobs is not None:
            self._logprobs += choice.logprobs.content or []
        # Some servers send null where there is nothing new.
        delta = cast("ChoiceDelta | None", choice.delta)
        if delta is None:
            return
        yield from self._think(_reasoning(delta))
        self._add_calls(delta)
        if delta.content:
            yield from self._stop_thinking()
            self._text.append(delta.content)
            yield delta.content

    def _think(self, thought: str | None) -> Iterator[str]:
        if thought:
            yield thought if self._thinking else _OPEN + thought
            self._thinking = True
            self._thought.append(thought)

    def _stop_thinking(self) -> Iterator[str]:
        if self._thinking:
            self._thinking = False
            yield _CLOSE

    def _add_calls(self, delta: "ChoiceDelta") -> None:
        for part in delta.tool_calls or []:
            call = self._calls.setdefault(part.index, FunctionCall("", "", ""))
            call.id = part.id or call.id
            if part.function is not None:
                call.name += part.function.name or ""
                call.arguments += part.function.arguments or ""

    def result(self) -> CreateResult:
        """The whole answer."""
        calls = [self._calls[index] for index in sorted(self._calls)]
        thought, text = split_thought("".join(self._text))
        return CreateResult(
            finish_reason=_reason(self._finish_reason, calls),
            content=calls or text,
            usage=usage_of(self._usage),
            cached=False,
            logprobs=_logprobs(self._logprobs),
            thought="".join(self._thought) or thought or (text or None if calls else None),
        )


def _reasoning(message: Any) -> str | None:
    """What DeepSeek, vLLM and others put beside the content."""
    for name in ("reasoning_content", "reasoning"):
        value = getattr(message, name, None)
        if isinstance(value, str) and value:
            return value
    return None


def _reason(reason: str | None, calls: list[FunctionCall]) -> FinishReasons:
    return "function_calls" if calls else _REASONS.get(reason or "", "unknown")

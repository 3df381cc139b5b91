"""How an assistant puts into words what its tools and its model gave."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from ...sandbox.errors import BackendCrashed, UsageError
from ..dialogue import Answer
from ..messages import BaseChatMessage, TextMessage, ToolCallSummaryMessage
from ..messages.chat import structured_message_type
from ..models.structured import parse_json
from ..models.types import FunctionExecutionResult
from ..models.usage import RequestUsage
from ..runtime import FunctionCall

Formatter = Callable[[FunctionCall, FunctionExecutionResult], str]


@dataclass(frozen=True, slots=True)
class Wording:
    """The wishes of the user about that."""

    source: str
    """The agent's name."""
    summary_format: str = "{result}"
    summary_formatter: Formatter | None = None
    content_type: type[BaseModel] | None = None
    content_format: str | None = None

    def __post_init__(self) -> None:
        if self.content_format is not None and self.content_type is None:
            raise UsageError("output_content_type_format needs an output_content_type.")
        try:
            self._line(FunctionCall("", "{}", ""), _NO_RESULT, self.summary_format)
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise UsageError(
                "tool_call_summary_format knows {tool_name}, {arguments}, {result} and {is_error}; "
                f"this one cannot be filled in: {self.summary_format!r} ({error})"
            ) from error

    def answer(self, answer: Answer) -> BaseChatMessage:
        """The message the agent's answer is.

        Raises
        ------
        BackendCrashed
            It was to be an ``output_content_type``, and is not.
        """
        if self.content_type is None:
            return TextMessage(
                id=answer.message_id,
                content=answer.content,
                source=self.source,
                models_usage=answer.usage,
            )
        content = parse_json(answer.content, self.content_type)
        if content is None:
            raise BackendCrashed(
                f"The model of agent {self.source!r} was to answer with a "
                f"{self.content_type.__name__}, but said: {answer.content[:200]!r}"
            )
        return structured_message_type(self.content_type)(
            id=answer.message_id,
            content=content,
            format_string=self.content_format,
            source=self.source,
            models_usage=answer.usage,
        )

    def summary(
        self,
        calls: Sequence[FunctionCall],
        results: Sequence[FunctionExecutionResult],
        usage: RequestUsage | None = None,
    ) -> ToolCallSummaryMessage:
        """The results as the agent's answer."""
        form = self.summary_formatter or self._formatted
        lines = [form(call, result) for call, result in zip(calls, results, strict=True)]
        return ToolCallSummaryMessage(
            content="\n".join(lines),
            tool_calls=list(calls),
            results=list(results),
            source=self.source,
            models_usage=usage,
        )

    def _formatted(self, call: FunctionCall, result: FunctionExecutionResult) -> str:
        return self._line(call, result, self.summary_format)

    @staticmethod
    def _line(call: FunctionCall, result: FunctionExecutionResult, form: str) -> str:
        return form.format(
            tool_name=call.name,
            arguments=call.arguments,
            result=result.content,
            is_error=result.is_error,
        )


_NO_RESULT = FunctionExecutionResult.model_construct(
    content="", name="", call_id="", is_error=False
)

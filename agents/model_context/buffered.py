"""A context that shows the end."""

from collections.abc import Sequence

from ...sandbox.errors import UsageError
from ..models.types import FunctionExecutionResultMessage, LLMMessage
from .base import ChatCompletionContext


class BufferedChatCompletionContext(ChatCompletionContext):
    """Shows the model the last ``buffer_size`` messages.

    Raises
    ------
    UsageError
        The buffer holds nothing.
    """

    def __init__(
        self, buffer_size: int, initial_messages: Sequence[LLMMessage] | None = None
    ) -> None:
        super().__init__(initial_messages)
        if buffer_size <= 0:
            raise UsageError("buffer_size must be greater than 0.")
        self._buffer_size = buffer_size

    async def get_messages(self) -> list[LLMMessage]:
        messages = self._messages[-self._buffer_size :]
        # A result without its call makes no sense to a model, and servers refuse it.
        if messages and isinstance(messages[0], FunctionExecutionResultMessage):
            del messages[0]
        return messages

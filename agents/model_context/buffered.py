"""A context that shows the end."""

from collections.abc import Sequence

from ...sandbox.errors import UsageError
from ..models.types import LLMMessage
from .base import ChatCompletionContext
from .units import flat, last_messages, task_of, units_of


class BufferedChatCompletionContext(ChatCompletionContext):
    """Shows the model the task and the last ``buffer_size`` messages.

    A tool call and its result are shown together or not at all, but for the last ones, which are
    always shown.

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
        messages = self._messages
        start = last_messages(messages, self._buffer_size)
        task = task_of(messages)
        first = [] if task is None or task >= start else [messages[task]]
        return [*first, *flat(units_of(messages[start:]))]

"""A context that shows the beginning and the end."""

from collections.abc import Sequence

from ...sandbox.errors import UsageError
from ..models.types import LLMMessage, UserMessage
from .base import ChatCompletionContext
from .units import Units, flat, head, tail, task_of


class HeadAndTailChatCompletionContext(ChatCompletionContext):
    """Shows the model the first ``head_size`` and the last ``tail_size`` messages, and the task.

    Between them a note says how many were left out.

    Raises
    ------
    UsageError
        A size is not positive.
    """

    def __init__(
        self,
        head_size: int,
        tail_size: int,
        initial_messages: Sequence[LLMMessage] | None = None,
    ) -> None:
        super().__init__(initial_messages)
        if head_size <= 0 or tail_size <= 0:
            raise UsageError("head_size and tail_size must be greater than 0.")
        self._head_size = head_size
        self._tail_size = tail_size
        self._units = Units()

    async def get_messages(self) -> list[LLMMessage]:
        units = self._units.of(self._messages)
        start = tail(units, self._tail_size)
        end = min(head(units, self._head_size), start)
        task = task_of(unit[0] for unit in units)
        first = units[:end]
        if task is not None and end <= task < start:
            first = [*first, units[task]]
        shown, last = flat(first), flat(units[start:])
        skipped = len(self._messages) - len(shown) - len(last)
        if not skipped:
            return shown + last
        note = UserMessage(content=f"Skipped {skipped} messages.", source="System")
        return [*shown, note, *last]

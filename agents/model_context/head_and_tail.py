"""A context that shows the beginning and the end."""

from collections.abc import Sequence

from ...sandbox.errors import UsageError
from ..models.types import LLMMessage, UserMessage
from .base import ChatCompletionContext
from .units import flat, head, tail, task_of, units_of


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

    async def get_messages(self) -> list[LLMMessage]:
        units = units_of(self._messages)
        start = tail(units, self._tail_size)
        end = min(head(units, self._head_size), start)
        task = task_of([unit[0] for unit in units])
        first = units[:end]
        if task is not None and end <= task < start:
            first = [*first, units[task]]
        skipped = len(flat(units[:start])) - len(flat(first))
        if not skipped:
            return flat(units)
        note = UserMessage(content=f"Skipped {skipped} messages.", source="System")
        return [*flat(first), note, *flat(units[start:])]

"""A context that shows as much as fits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...sandbox.errors import UsageError
from ..models.types import LLMMessage
from .base import ChatCompletionContext
from .units import Unit, Units, flat, pinned, tail

if TYPE_CHECKING:
    from ..models.client import ChatCompletionClient
    from ..tools import ToolSchema

_ROOM = 1024  # tokens: for an answer, where only the model's window limits the prompt


class TokenLimitedChatCompletionContext(ChatCompletionContext):
    """Shows the model the task, and as many of the last messages as fit beside it.

    The last message (with its call, if it is a result) is always shown, fit or not.

    Parameters
    ----------
    model_client:
        Counts the tokens, and knows the model's window.
    token_limit:
        At most so many tokens; by default what the window holds, less some room for an answer.
    tool_schema:
        The tools that are sent along; they count too.
    initial_messages:
        Messages that are there from the beginning.

    Raises
    ------
    UsageError
        The limit is not positive.
    """

    def __init__(
        self,
        model_client: "ChatCompletionClient",
        *,
        token_limit: int | None = None,
        tool_schema: "Sequence[ToolSchema] | None" = None,
        initial_messages: Sequence[LLMMessage] | None = None,
    ) -> None:
        super().__init__(initial_messages)
        if token_limit is not None and token_limit <= 0:
            raise UsageError("token_limit must be greater than 0.")
        self._client = model_client
        self._limit = token_limit
        self._tools = list(tool_schema or ())
        self._units = Units()

    async def get_messages(self) -> list[LLMMessage]:
        units = self._units.of(self._messages)
        first = pinned(units)
        room = self._room()
        # The more is left out the better it fits: find the least from the end, in steps twice as
        # long each time, then by halving. What fits is short, the conversation may be long.
        low = high = max(first, tail(units, 1))
        step = 1
        while low > first and self._fits(units[:first], units[low:], room):
            low, high, step = max(first, low - step), low, step * 2
        while low < high:
            middle = (low + high) // 2
            if self._fits(units[:first], units[middle:], room):
                high = middle
            else:
                low = middle + 1
        return flat([*units[:first], *units[low:]])

    def _room(self) -> int:
        return min(_ROOM, self._client.remaining_tokens([], tools=self._tools) // 8)

    def _fits(self, first: Sequence[Unit], last: Sequence[Unit], room: int) -> bool:
        messages = flat([*first, *last])
        if self._limit is not None:
            return self._client.count_tokens(messages, tools=self._tools) <= self._limit
        return self._client.remaining_tokens(messages, tools=self._tools) >= room

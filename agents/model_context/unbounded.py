"""A context that shows everything."""

from ..models.types import LLMMessage
from .base import ChatCompletionContext


class UnboundedChatCompletionContext(ChatCompletionContext):
    """Shows the model every message."""

    async def get_messages(self) -> list[LLMMessage]:
        return list(self._messages)

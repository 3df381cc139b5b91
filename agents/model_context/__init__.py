"""What a model is shown of a conversation."""

from .base import ChatCompletionContext, ChatCompletionContextState
from .buffered import BufferedChatCompletionContext
from .unbounded import UnboundedChatCompletionContext

__all__ = [
    "BufferedChatCompletionContext",
    "ChatCompletionContext",
    "ChatCompletionContextState",
    "UnboundedChatCompletionContext",
]

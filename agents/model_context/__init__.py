"""What a model is shown of a conversation."""

from .base import ChatCompletionContext, ChatCompletionContextState
from .buffered import BufferedChatCompletionContext
from .head_and_tail import HeadAndTailChatCompletionContext
from .summarizing import SummarizingChatCompletionContext
from .token_limited import TokenLimitedChatCompletionContext
from .unbounded import UnboundedChatCompletionContext

__all__ = [
    "BufferedChatCompletionContext",
    "ChatCompletionContext",
    "ChatCompletionContextState",
    "HeadAndTailChatCompletionContext",
    "SummarizingChatCompletionContext",
    "TokenLimitedChatCompletionContext",
    "UnboundedChatCompletionContext",
]

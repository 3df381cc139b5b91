"""What a model is shown of a conversation."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
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

__getattr__ = _later(
    __name__,
    {
        "base": ["ChatCompletionContext", "ChatCompletionContextState"],
        "buffered": ["BufferedChatCompletionContext"],
        "head_and_tail": ["HeadAndTailChatCompletionContext"],
        "summarizing": ["SummarizingChatCompletionContext"],
        "token_limited": ["TokenLimitedChatCompletionContext"],
        "unbounded": ["UnboundedChatCompletionContext"],
    },
)

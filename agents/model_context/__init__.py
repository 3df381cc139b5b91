"""What a model is shown of a conversation."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base import ChatCompletionContext, ChatCompletionContextState
from .unbounded import UnboundedChatCompletionContext

if TYPE_CHECKING:
    from .buffered import BufferedChatCompletionContext
    from .head_and_tail import HeadAndTailChatCompletionContext
    from .summarizing import SummarizingChatCompletionContext
    from .token_limited import TokenLimitedChatCompletionContext

__all__ = [
    "BufferedChatCompletionContext",
    "ChatCompletionContext",
    "ChatCompletionContextState",
    "HeadAndTailChatCompletionContext",
    "SummarizingChatCompletionContext",
    "TokenLimitedChatCompletionContext",
    "UnboundedChatCompletionContext",
]

_LATER = {
    "BufferedChatCompletionContext": "buffered",
    "HeadAndTailChatCompletionContext": "head_and_tail",
    "SummarizingChatCompletionContext": "summarizing",
    "TokenLimitedChatCompletionContext": "token_limited",
}


def __getattr__(name: str) -> Any:
    """What few programs use is loaded when it is."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LATER[name]}", __name__), name)

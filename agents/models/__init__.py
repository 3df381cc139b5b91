"""Talks to language models: one client interface, the shapes it speaks in, and the clients."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .client import ChatCompletionClient
from .errors import BudgetExceeded, ContextTooLong, ModelBusy
from .info import ModelFamily, ModelInfo, model_info_for, validate_model_info
from .openai import OpenAIChatCompletionClient
from .prices import Prices
from .replay import ReplayChatCompletionClient
from .structured import create_structured, parse_json
from .types import (
    AssistantMessage,
    CreateResult,
    FinishReasons,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from .usage import RequestUsage, sum_usage

if TYPE_CHECKING:
    from .cache import CHAT_CACHE_VALUE_TYPE, ChatCompletionCache
    from .fallback import FallbackChatCompletionClient
    from .limits import BudgetChatCompletionClient, RateLimitedChatCompletionClient
    from .priced import PricedChatCompletionClient
    from .retry import RetryChatCompletionClient
    from .wrapping import WrappedChatCompletionClient

__all__ = [
    "CHAT_CACHE_VALUE_TYPE",
    "AssistantMessage",
    "BudgetChatCompletionClient",
    "BudgetExceeded",
    "ChatCompletionCache",
    "ChatCompletionClient",
    "ContextTooLong",
    "CreateResult",
    "FallbackChatCompletionClient",
    "FinishReasons",
    "FunctionExecutionResult",
    "FunctionExecutionResultMessage",
    "LLMMessage",
    "ModelBusy",
    "ModelFamily",
    "ModelInfo",
    "OpenAIChatCompletionClient",
    "PricedChatCompletionClient",
    "Prices",
    "RateLimitedChatCompletionClient",
    "ReplayChatCompletionClient",
    "RequestUsage",
    "RetryChatCompletionClient",
    "SystemMessage",
    "UserMessage",
    "WrappedChatCompletionClient",
    "create_structured",
    "model_info_for",
    "parse_json",
    "sum_usage",
    "validate_model_info",
]

_LATER = {
    "BudgetChatCompletionClient": "limits",
    "CHAT_CACHE_VALUE_TYPE": "cache",
    "ChatCompletionCache": "cache",
    "FallbackChatCompletionClient": "fallback",
    "PricedChatCompletionClient": "priced",
    "RateLimitedChatCompletionClient": "limits",
    "RetryChatCompletionClient": "retry",
    "WrappedChatCompletionClient": "wrapping",
}


def __getattr__(name: str) -> Any:
    """The clients around clients are loaded when they are used."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LATER[name]}", __name__), name)

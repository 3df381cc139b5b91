"""Talks to language models: one client interface, the shapes it speaks in, and the clients."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
    from .cache import CHAT_CACHE_VALUE_TYPE, ChatCompletionCache
    from .client import ChatCompletionClient
    from .errors import BudgetExceeded, ContextTooLong, ModelBusy
    from .fallback import FallbackChatCompletionClient
    from .info import ModelFamily, ModelInfo, model_info_for, validate_model_info
    from .limits import BudgetChatCompletionClient, RateLimitedChatCompletionClient
    from .openai import OpenAIChatCompletionClient
    from .priced import PricedChatCompletionClient
    from .prices import Prices
    from .replay import ReplayChatCompletionClient
    from .retry import RetryChatCompletionClient
    from .structured import create_structured, parse_json
    from .types import (
        AssistantMessage,
        ChatCompletionTokenLogprob,
        CreateResult,
        FinishReasons,
        FunctionExecutionResult,
        FunctionExecutionResultMessage,
        LLMMessage,
        SystemMessage,
        TopLogprob,
        UserMessage,
    )
    from .usage import RequestUsage, sum_usage
    from .wrapping import WrappedChatCompletionClient

__all__ = [
    "CHAT_CACHE_VALUE_TYPE",
    "AssistantMessage",
    "BudgetChatCompletionClient",
    "BudgetExceeded",
    "ChatCompletionCache",
    "ChatCompletionClient",
    "ChatCompletionTokenLogprob",
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
    "TopLogprob",
    "UserMessage",
    "WrappedChatCompletionClient",
    "create_structured",
    "model_info_for",
    "parse_json",
    "sum_usage",
    "validate_model_info",
]

__getattr__ = _later(
    __name__,
    {
        "cache": ["CHAT_CACHE_VALUE_TYPE", "ChatCompletionCache"],
        "client": ["ChatCompletionClient"],
        "errors": ["BudgetExceeded", "ContextTooLong", "ModelBusy"],
        "fallback": ["FallbackChatCompletionClient"],
        "info": ["ModelFamily", "ModelInfo", "model_info_for", "validate_model_info"],
        "limits": ["BudgetChatCompletionClient", "RateLimitedChatCompletionClient"],
        "openai": ["OpenAIChatCompletionClient"],
        "priced": ["PricedChatCompletionClient"],
        "prices": ["Prices"],
        "replay": ["ReplayChatCompletionClient"],
        "retry": ["RetryChatCompletionClient"],
        "structured": ["create_structured", "parse_json"],
        "types": [
            "AssistantMessage",
            "ChatCompletionTokenLogprob",
            "CreateResult",
            "FinishReasons",
            "FunctionExecutionResult",
            "FunctionExecutionResultMessage",
            "LLMMessage",
            "SystemMessage",
            "TopLogprob",
            "UserMessage",
        ],
        "usage": ["RequestUsage", "sum_usage"],
        "wrapping": ["WrappedChatCompletionClient"],
    },
)

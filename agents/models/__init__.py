"""Talks to language models: one client interface, the shapes it speaks in, and the clients."""

from .client import ChatCompletionClient
from .info import ModelFamily, ModelInfo, model_info_for, validate_model_info
from .openai import OpenAIChatCompletionClient
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

__all__ = [
    "AssistantMessage",
    "ChatCompletionClient",
    "CreateResult",
    "FinishReasons",
    "FunctionExecutionResult",
    "FunctionExecutionResultMessage",
    "LLMMessage",
    "ModelFamily",
    "ModelInfo",
    "OpenAIChatCompletionClient",
    "ReplayChatCompletionClient",
    "RequestUsage",
    "SystemMessage",
    "UserMessage",
    "create_structured",
    "model_info_for",
    "parse_json",
    "sum_usage",
    "validate_model_info",
]

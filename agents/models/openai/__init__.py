"""OpenAI's chat completions, spoken by OpenAI and by most model servers."""

from .client import OpenAIChatCompletionClient

__all__ = ["OpenAIChatCompletionClient"]

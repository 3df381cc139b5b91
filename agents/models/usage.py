"""What model calls cost, in tokens."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class RequestUsage:
    """The tokens of one call, or of several together."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    """The part of ``prompt_tokens`` the server had in its cache."""
    reasoning_tokens: int = 0
    """The part of ``completion_tokens`` that was thought, not said."""

    def __add__(self, other: "RequestUsage") -> "RequestUsage":
        return RequestUsage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )


def sum_usage(usages: Iterable[RequestUsage | None]) -> RequestUsage:
    """The sum; ``None`` counts nothing."""
    return sum((usage for usage in usages if usage is not None), RequestUsage(0, 0))

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
    cost: float | None = None
    """In the currency of the prices the client was given; ``None`` where there are none."""

    def __post_init__(self) -> None:
        # A server or a saved message that counts below zero must not undo what others counted.
        self.prompt_tokens = max(0, self.prompt_tokens)
        self.completion_tokens = max(0, self.completion_tokens)
        if self.cost is not None:
            self.cost = max(0.0, self.cost)

    def __add__(self, other: "RequestUsage") -> "RequestUsage":
        return RequestUsage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            _sum_costs(self.cost, other.cost),
        )


def _sum_costs(one: float | None, other: float | None) -> float | None:
    """The sum of what is known."""
    if one is None or other is None:
        return other if one is None else one
    return one + other


def sum_usage(usages: Iterable[RequestUsage | None]) -> RequestUsage:
    """The sum; ``None`` counts nothing."""
    return sum((usage for usage in usages if usage is not None), RequestUsage(0, 0))

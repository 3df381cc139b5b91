"""What tokens cost. Prices change, so they are the user's to give: there is no table here."""

from dataclasses import dataclass, replace

from .usage import RequestUsage

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices of a million tokens, in any currency."""

    prompt: float
    completion: float
    """Thoughts are completion tokens too."""
    cached: float | None = None
    """Of prompt tokens the server had in its cache; ``None``: as any others."""

    def priced(self, usage: RequestUsage) -> RequestUsage:
        """The same usage with its cost."""
        cached_price = self.prompt if self.cached is None else self.cached
        cost = (
            (usage.prompt_tokens - usage.cached_tokens) * self.prompt
            + usage.cached_tokens * cached_price
            + usage.completion_tokens * self.completion
        ) / _MILLION
        return replace(usage, cost=cost)

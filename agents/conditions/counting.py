"""Conditions on how much was said."""

from collections.abc import Mapping
from typing import Any

from ...sandbox.errors import UsageError
from ..base.termination import Delta
from ..messages import BaseChatMessage
from ..models.usage import RequestUsage, sum_usage
from .simple import SimpleTermination, amount, whole_number


class MaxMessageTermination(SimpleTermination):
    """Met after a number of messages, the task's among them.

    Parameters
    ----------
    max_messages:
        How many.
    include_agent_event:
        Count events too.
    """

    def __init__(self, max_messages: int, include_agent_event: bool = False) -> None:
        super().__init__()
        self._max = max_messages
        self._include_events = include_agent_event
        self._count = 0

    async def _reason(self, messages: Delta) -> str | None:
        self._count += sum(self._include_events or isinstance(m, BaseChatMessage) for m in messages)
        if self._count < self._max:
            return None
        return (
            f"Maximum number of messages {self._max} reached, current message count: {self._count}"
        )

    async def reset(self) -> None:
        await super().reset()
        self._count = 0

    async def save_state(self) -> Mapping[str, Any]:
        return {**await super().save_state(), "count": self._count}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await super().load_state(state)
        self._count = whole_number(state.get("count", 0))


class TokenUsageTermination(SimpleTermination):
    """Met when the model calls used up a number of tokens.

    Raises
    ------
    UsageError
        No limit is given.
    """

    def __init__(
        self,
        max_total_token: int | None = None,
        max_prompt_token: int | None = None,
        max_completion_token: int | None = None,
    ) -> None:
        super().__init__()
        limits = (max_total_token, max_prompt_token, max_completion_token)
        if all(limit is None for limit in limits):
            raise UsageError("TokenUsageTermination needs at least one limit.")
        self._limits = limits
        self._used = RequestUsage(0, 0)

    async def _reason(self, messages: Delta) -> str | None:
        self._used += sum_usage(message.models_usage for message in messages)
        prompt, completion = self._used.prompt_tokens, self._used.completion_tokens
        used = (prompt + completion, prompt, completion)
        if not any(
            limit is not None and count >= limit
            for limit, count in zip(self._limits, used, strict=True)
        ):
            return None
        return (
            f"Token usage limit reached, prompt tokens: {prompt}, completion tokens: {completion}."
        )

    async def reset(self) -> None:
        await super().reset()
        self._used = RequestUsage(0, 0)

    async def save_state(self) -> Mapping[str, Any]:
        used = [self._used.prompt_tokens, self._used.completion_tokens]
        return {**await super().save_state(), "used": used}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await super().load_state(state)
        prompt, completion = map(whole_number, state.get("used", (0, 0)))
        self._used = RequestUsage(prompt, completion)


class CostTermination(SimpleTermination):
    """Met when the model calls cost a sum, in the currency of the prices the clients were given.

    Calls of clients without prices count nothing.

    Raises
    ------
    UsageError
        The limit is not positive.
    """

    def __init__(self, max_cost: float) -> None:
        super().__init__()
        if max_cost <= 0:
            raise UsageError("CostTermination needs a max_cost greater than 0.")
        self._max = max_cost
        self._spent = 0.0

    async def _reason(self, messages: Delta) -> str | None:
        self._spent += sum_usage(message.models_usage for message in messages).cost or 0.0
        if self._spent < self._max:
            return None
        return f"Cost limit {self._max:g} reached, spent: {self._spent:.6g}"

    async def reset(self) -> None:
        await super().reset()
        self._spent = 0.0

    async def save_state(self) -> Mapping[str, Any]:
        return {**await super().save_state(), "spent": self._spent}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await super().load_state(state)
        self._spent = amount(state.get("spent", 0.0))

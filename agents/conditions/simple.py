"""What the conditions of this folder have in common."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from ...sandbox.errors import UsageError
from ..base.termination import Delta, TerminatedException, TerminationCondition
from ..messages import StopMessage


class SimpleTermination(TerminationCondition):
    """A condition that is met once :meth:`_reason` gives a reason."""

    def __init__(self) -> None:
        self._terminated = False

    @abstractmethod
    async def _reason(self, messages: Delta) -> str | None:
        """Why the run is over, or ``None``."""

    @property
    def terminated(self) -> bool:
        return self._terminated

    async def __call__(self, messages: Delta) -> StopMessage | None:
        name = type(self).__name__
        if self._terminated:
            raise TerminatedException(f"{name} has been met already.")
        reason = await self._reason(messages)
        if reason is None:
            return None
        self._terminated = True
        return StopMessage(content=reason, source=name)

    async def reset(self) -> None:
        self._terminated = False

    async def save_state(self) -> Mapping[str, Any]:
        return {"terminated": self._terminated}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        self._terminated = bool(state.get("terminated", False))


_MOST = 1e300


def whole_number(value: object) -> int:
    """A count of a saved state.

    Raises
    ------
    UsageError
        It is none: one below zero would put off the end for ever.
    """
    if not isinstance(value, int) or not 0 <= value < _MOST:
        raise UsageError("The saved state of a condition is damaged: a count is none.")
    return value


def amount(value: object) -> float:
    """A sum or a time of a saved state.

    Raises
    ------
    UsageError
        It is none, or below zero.
    """
    if not isinstance(value, int | float) or not 0 <= value < _MOST:
        raise UsageError("The saved state of a condition is damaged: a number is none.")
    return float(value)

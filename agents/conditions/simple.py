"""What the conditions of this folder have in common."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

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

"""A condition of one's own."""

import inspect
from collections.abc import Awaitable, Callable

from ..base.termination import Delta
from .simple import SimpleTermination


class FunctionalTermination(SimpleTermination):
    """Met when ``func`` (sync or async) says so of the new messages and events."""

    def __init__(self, func: Callable[[Delta], bool] | Callable[[Delta], Awaitable[bool]]) -> None:
        super().__init__()
        self._func = func

    async def _reason(self, messages: Delta) -> str | None:
        met = self._func(messages)
        if inspect.isawaitable(met):
            met = await met
        return "Functional termination condition met" if met else None

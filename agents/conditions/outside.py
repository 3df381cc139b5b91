"""Conditions that come from outside of the conversation."""

import time
from collections.abc import Mapping
from typing import Any

from ..base.termination import Delta
from .simple import SimpleTermination, amount


class ExternalTermination(SimpleTermination):
    """Met after somebody called :meth:`set`, at the end of the turn."""

    def __init__(self) -> None:
        super().__init__()
        self._set = False

    def set(self) -> None:
        """End the run after the current turn."""
        self._set = True

    async def _reason(self, messages: Delta) -> str | None:
        return "External termination requested" if self._set else None

    async def reset(self) -> None:
        await super().reset()
        self._set = False

    async def save_state(self) -> Mapping[str, Any]:
        return {**await super().save_state(), "set": self._set}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await super().load_state(state)
        self._set = bool(state.get("set", False))


class TimeoutTermination(SimpleTermination):
    """Met some seconds after the run began; looked at between turns."""

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__()
        self._timeout = timeout_seconds
        self._started: float | None = None

    async def _reason(self, messages: Delta) -> str | None:
        now = time.monotonic()
        if self._started is None:
            self._started = now
        if now - self._started < self._timeout:
            return None
        return f"Timeout of {self._timeout} seconds reached"

    async def reset(self) -> None:
        await super().reset()
        self._started = None

    async def save_state(self) -> Mapping[str, Any]:
        elapsed = None if self._started is None else time.monotonic() - self._started
        return {**await super().save_state(), "elapsed": elapsed}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await super().load_state(state)
        elapsed = state.get("elapsed")
        self._started = None if elapsed is None else time.monotonic() - amount(elapsed)


class WallTimeTermination(TimeoutTermination):
    """Met some seconds after the run began; the turn that is being taken then is interrupted.

    The interrupted turn does not count: it is taken again when the run goes on.
    """

    def seconds_left(self) -> float | None:
        if self._started is None:
            return self._timeout
        return max(0.0, self._timeout - (time.monotonic() - self._started))

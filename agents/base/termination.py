"""What ends a run, and how conditions are put together."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ...sandbox.errors import UsageError
from ..messages import BaseAgentEvent, BaseChatMessage, StopMessage

Delta = Sequence[BaseAgentEvent | BaseChatMessage]
"""The messages and events since the last look."""


class TerminatedException(UsageError):
    """A condition was asked again after it was met; it wants a :meth:`reset` first."""


class TerminationCondition(ABC):
    """Decides after each turn whether the run is over.

    Combine with ``&`` and ``|``. A team resets its condition when the run ends.
    """

    @property
    @abstractmethod
    def terminated(self) -> bool:
        """True once the condition was met."""

    @abstractmethod
    async def __call__(self, messages: Delta) -> StopMessage | None:
        """Look at what is new; a message that says why when the run is over.

        Raises
        ------
        TerminatedException
            The condition has been met already.
        """

    @abstractmethod
    async def reset(self) -> None:
        """Start anew."""

    async def begin(self, task: Sequence[BaseChatMessage]) -> StopMessage | None:
        """Look at the messages of the task, before the first turn.

        They are counted like all others; a condition on what *agents* say overrides this.
        """
        return await self(task)

    def seconds_left(self) -> float | None:
        """How long the run may go on whatever happens; ``None``, the default: as it likes.

        Once it is over the turn that is being taken is interrupted, and the condition asked.
        """
        return None

    async def save_state(self) -> Mapping[str, Any]:
        """The progress made, as JSON; nothing by default."""
        return {}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to saved progress; by default there is none."""
        del state

    def __and__(self, other: "TerminationCondition") -> "TerminationCondition":
        return AndTerminationCondition(self, other)

    def __or__(self, other: "TerminationCondition") -> "TerminationCondition":
        return OrTerminationCondition(self, other)


Look = Callable[[TerminationCondition], Awaitable[StopMessage | None]]


class _Combination(TerminationCondition):
    """What ``and`` and ``or`` have in common."""

    def __init__(self, *conditions: TerminationCondition) -> None:
        self._conditions = conditions
        self._stops: list[StopMessage] = []

    async def __call__(self, messages: Delta) -> StopMessage | None:
        return await self._look(lambda condition: condition(messages))

    async def begin(self, task: Sequence[BaseChatMessage]) -> StopMessage | None:
        return await self._look(lambda condition: condition.begin(task))

    async def _look(self, look: Look) -> StopMessage | None:
        if self.terminated:
            raise TerminatedException("The termination condition has been met already.")
        unmet = [condition for condition in self._conditions if not condition.terminated]
        stops = [await look(condition) for condition in unmet]
        self._stops += [stop for stop in stops if stop is not None]
        if not self.terminated:
            return None
        return StopMessage(
            content=", ".join(stop.content for stop in self._stops),
            source=", ".join(stop.source for stop in self._stops),
        )

    async def reset(self) -> None:
        self._stops.clear()
        for condition in self._conditions:
            await condition.reset()

    async def save_state(self) -> Mapping[str, Any]:
        return {
            "conditions": [dict(await condition.save_state()) for condition in self._conditions],
            "stops": [dict(stop.dump()) for stop in self._stops],
        }

    async def load_state(self, state: Mapping[str, Any]) -> None:
        states = state.get("conditions", [])
        if len(states) != len(self._conditions):
            raise UsageError("The saved state is of a different termination condition.")
        for condition, part in zip(self._conditions, states, strict=True):
            await condition.load_state(part)
        self._stops = [StopMessage.load(stop) for stop in state.get("stops", [])]


class AndTerminationCondition(_Combination):
    """Met when all conditions have been met, whenever each was."""

    def seconds_left(self) -> float | None:
        # Time alone meets it only when all conditions that are left go by time.
        left = [c.seconds_left() for c in self._conditions if not c.terminated]
        known = [seconds for seconds in left if seconds is not None]
        return max(known) if known and len(known) == len(left) else None

    @property
    def terminated(self) -> bool:
        return all(condition.terminated for condition in self._conditions)


class OrTerminationCondition(_Combination):
    """Met when one condition is met."""

    def seconds_left(self) -> float | None:
        left = [c.seconds_left() for c in self._conditions]
        return min((seconds for seconds in left if seconds is not None), default=None)

    @property
    def terminated(self) -> bool:
        return any(condition.terminated for condition in self._conditions)

"""A condition on conversations that go round in circles."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ...sandbox.errors import UsageError
from ..base.termination import Delta
from ..messages import (
    BaseAgentEvent,
    BaseChatMessage,
    CodeExecutionEvent,
    StopMessage,
    ToolCallExecutionEvent,
)
from .simple import SimpleTermination, whole_number

_WINDOW = 32  # turns: as far back as a repetition is noticed


class NoProgressTermination(SimpleTermination):
    """Met when for some turns in a row nobody said or found out anything new.

    A turn is nothing new when its messages and results are, word for word but for blanks, those
    of an earlier turn of the same agents, or empty.

    Parameters
    ----------
    max_turns:
        How many such turns in a row are too many.

    Raises
    ------
    UsageError
        ``max_turns`` is not positive.
    """

    def __init__(self, max_turns: int = 3) -> None:
        super().__init__()
        if max_turns < 1:
            raise UsageError("NoProgressTermination needs max_turns of at least 1.")
        self._max = max_turns
        self._seen: list[str] = []
        self._stalled = 0

    async def begin(self, task: Sequence[BaseChatMessage]) -> StopMessage | None:
        """The task is no turn."""

    async def _reason(self, messages: Delta) -> str | None:
        turn = _digest(messages)
        self._stalled = self._stalled + 1 if turn is None or turn in self._seen else 0
        if turn is not None:
            self._seen = [*self._seen, turn][-_WINDOW:]
        if self._stalled < self._max:
            return None
        return f"No progress: {self._stalled} turns in a row brought nothing new"

    async def reset(self) -> None:
        await super().reset()
        self._seen, self._stalled = [], 0

    async def save_state(self) -> Mapping[str, Any]:
        state = await super().save_state()
        return {**state, "seen": list(self._seen), "stalled": self._stalled}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await super().load_state(state)
        self._seen = [str(digest) for digest in state.get("seen", [])][-_WINDOW:]
        self._stalled = whole_number(state.get("stalled", 0))


def _digest(messages: Delta) -> str | None:
    """What a turn said and found out; ``None`` for nothing."""
    words = [(message.source, " ".join(_said(message).split())) for message in messages]
    if not any(text for _, text in words):
        return None
    return hashlib.sha256(repr([pair for pair in words if pair[1]]).encode()).hexdigest()


def _said(message: BaseAgentEvent | BaseChatMessage) -> str:
    if isinstance(message, BaseChatMessage | CodeExecutionEvent | ToolCallExecutionEvent):
        return message.to_text()
    return ""

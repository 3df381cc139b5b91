"""Conditions on messages of a certain type."""

from ..base.termination import Delta
from ..messages import HandoffMessage, StopMessage, ToolCallExecutionEvent
from .simple import SimpleTermination


class StopMessageTermination(SimpleTermination):
    """Met when somebody sent a :class:`StopMessage`."""

    async def _reason(self, messages: Delta) -> str | None:
        return (
            "Stop message received" if any(isinstance(m, StopMessage) for m in messages) else None
        )


class HandoffTermination(SimpleTermination):
    """Met when the conversation was handed to ``target``."""

    def __init__(self, target: str) -> None:
        super().__init__()
        self._target = target

    async def _reason(self, messages: Delta) -> str | None:
        for message in messages:
            if isinstance(message, HandoffMessage) and message.target == self._target:
                return f"Handoff to {self._target} from {message.source} detected."
        return None


class FunctionCallTermination(SimpleTermination):
    """Met when the function of this name was called."""

    def __init__(self, function_name: str) -> None:
        super().__init__()
        self._name = function_name

    async def _reason(self, messages: Delta) -> str | None:
        events = (m for m in messages if isinstance(m, ToolCallExecutionEvent))
        if any(result.name == self._name for event in events for result in event.content):
            return f"Function '{self._name}' was executed."
        return None

"""Conditions on who spoke."""

from collections.abc import Sequence

from ..base.termination import Delta
from ..messages import BaseChatMessage, StopMessage, TextMessage
from .simple import SimpleTermination


class SourceMatchTermination(SimpleTermination):
    """Met when one of ``sources`` spoke."""

    def __init__(self, sources: Sequence[str]) -> None:
        super().__init__()
        self._sources = tuple(sources)

    async def _reason(self, messages: Delta) -> str | None:
        for message in messages:
            if message.source in self._sources:
                return f"'{message.source}' answered"
        return None


class TextMessageTermination(SimpleTermination):
    """Met when an agent (``source``, or any) answered with a text message."""

    def __init__(self, source: str | None = None) -> None:
        super().__init__()
        self._source = source

    async def begin(self, task: Sequence[BaseChatMessage]) -> StopMessage | None:
        """The task is no answer."""

    async def _reason(self, messages: Delta) -> str | None:
        for message in messages:
            if isinstance(message, TextMessage) and self._source in (None, message.source):
                return f"Text message received from '{message.source}'"
        return None

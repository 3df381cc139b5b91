"""A condition on what was said."""

from collections.abc import Sequence

from ..base.termination import Delta
from ..messages import BaseChatMessage, StopMessage
from .simple import SimpleTermination


class TextMentionTermination(SimpleTermination):
    """Met when an agent's message holds ``text``.

    The task may speak of the text without ending the run, and so may code, its output and
    thoughts as long as no agent says it.

    Parameters
    ----------
    text:
        What to look for, as it is.
    sources:
        Look only at what these agents say.
    """

    def __init__(self, text: str, sources: Sequence[str] | None = None) -> None:
        super().__init__()
        self._text = text
        self._sources = None if sources is None else tuple(sources)

    async def begin(self, task: Sequence[BaseChatMessage]) -> StopMessage | None:
        """The task does not count."""

    async def _reason(self, messages: Delta) -> str | None:
        for message in messages:
            if not isinstance(message, BaseChatMessage):
                continue
            if self._sources is not None and message.source not in self._sources:
                continue
            if self._text in message.to_text():
                return f"Text '{self._text}' mentioned"
        return None

"""A condition on what was said."""

from collections.abc import Sequence

from ..base.termination import Delta
from ..messages import BaseChatMessage, StopMessage
from .simple import SimpleTermination


class TextMentionTermination(SimpleTermination):
    """Met when an agent's message holds ``text``.

    The task may speak of the text without ending the run, and so may thoughts, and what code and
    tools print as long as no agent says it: a message that only passes on such output
    (:attr:`~sandcrew.agents.messages.BaseChatMessage.relays_output`) counts only for ``sources``
    that name its agent.

    Parameters
    ----------
    text:
        What to look for, as it is.
    sources:
        Look at all that these agents say, and at nothing else.
    """

    def __init__(self, text: str, sources: Sequence[str] | None = None) -> None:
        super().__init__()
        self._text = text
        self._sources = None if sources is None else tuple(sources)

    async def begin(self, task: Sequence[BaseChatMessage]) -> StopMessage | None:
        """The task does not count."""

    async def _reason(self, messages: Delta) -> str | None:
        for message in messages:
            if (
                isinstance(message, BaseChatMessage)
                and self._listens_to(message)
                and self._text in message.to_text()
            ):
                return f"Text '{self._text}' mentioned"
        return None

    def _listens_to(self, message: BaseChatMessage) -> bool:
        if self._sources is None:
            return not message.relays_output
        return message.source in self._sources

"""When a crew has done its work."""

from collections.abc import Callable, Sequence
from typing import Any

from ...agents import AndTerminationCondition, OrTerminationCondition, TerminationCondition
from ...agents.conditions import (
    HandoffTermination,
    MaxMessageTermination,
    NoProgressTermination,
    TextMentionTermination,
    TokenUsageTermination,
    WallTimeTermination,
)
from ...agents.conditions.simple import SimpleTermination
from ...agents.messages import BaseAgentEvent, BaseChatMessage, TextMessage
from ...executors.extractor import extract_code_blocks
from .spec import Mention, TerminationSpec


class Answered(SimpleTermination):
    """Met when ``source`` says something without code: that is the answer."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self._source = source

    @property
    def reason(self) -> str:
        return f"the {self._source} has answered"

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        for message in messages:
            said = isinstance(message, TextMessage) and message.source == self._source
            if said and not extract_code_blocks(message.to_text()):
                return self.reason
        return None


def condition_of(spec: TerminationSpec) -> TerminationCondition:
    """Met when any of what is said is met."""
    values = ((make, getattr(spec, key)) for key, make in _MAKERS.items())
    met = [make(value) for make, value in values if value is not None]
    if spec.all:
        met.append(AndTerminationCondition(*(condition_of(part) for part in spec.all)))
    return OrTerminationCondition(*met)


def _mention(said: str | Mention) -> TerminationCondition:
    mention = Mention(text=said) if isinstance(said, str) else said
    return TextMentionTermination(mention.text, mention.sources)


_MAKERS: dict[str, Callable[[Any], TerminationCondition]] = {
    "answered": Answered,
    "mention": _mention,
    "handoff": HandoffTermination,
    "messages": MaxMessageTermination,
    "seconds": WallTimeTermination,
    "tokens": TokenUsageTermination,
    "no_progress": NoProgressTermination,
}

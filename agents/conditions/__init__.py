"""The conditions that end a run."""

from .counting import MaxMessageTermination, TokenUsageTermination
from .functional import FunctionalTermination
from .outside import ExternalTermination, TimeoutTermination
from .sources import SourceMatchTermination, TextMessageTermination
from .text import TextMentionTermination
from .typed import FunctionCallTermination, HandoffTermination, StopMessageTermination

__all__ = [
    "ExternalTermination",
    "FunctionCallTermination",
    "FunctionalTermination",
    "HandoffTermination",
    "MaxMessageTermination",
    "SourceMatchTermination",
    "StopMessageTermination",
    "TextMentionTermination",
    "TextMessageTermination",
    "TimeoutTermination",
    "TokenUsageTermination",
]

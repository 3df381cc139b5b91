"""The conditions that end a run."""

from .counting import CostTermination, MaxMessageTermination, TokenUsageTermination
from .functional import FunctionalTermination
from .outside import ExternalTermination, TimeoutTermination, WallTimeTermination
from .progress import NoProgressTermination
from .sources import SourceMatchTermination, TextMessageTermination
from .text import TextMentionTermination
from .typed import FunctionCallTermination, HandoffTermination, StopMessageTermination

__all__ = [
    "CostTermination",
    "ExternalTermination",
    "FunctionCallTermination",
    "FunctionalTermination",
    "HandoffTermination",
    "MaxMessageTermination",
    "NoProgressTermination",
    "SourceMatchTermination",
    "StopMessageTermination",
    "TextMentionTermination",
    "TextMessageTermination",
    "TimeoutTermination",
    "TokenUsageTermination",
    "WallTimeTermination",
]

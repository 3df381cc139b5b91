"""The conditions that end a run."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
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

__getattr__ = _later(
    __name__,
    {
        "counting": ["CostTermination", "MaxMessageTermination", "TokenUsageTermination"],
        "functional": ["FunctionalTermination"],
        "outside": ["ExternalTermination", "TimeoutTermination", "WallTimeTermination"],
        "progress": ["NoProgressTermination"],
        "sources": ["SourceMatchTermination", "TextMessageTermination"],
        "text": ["TextMentionTermination"],
        "typed": ["FunctionCallTermination", "HandoffTermination", "StopMessageTermination"],
    },
)

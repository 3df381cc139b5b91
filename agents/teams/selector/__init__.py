"""Teams whose next speaker a model or a function selects."""

from .team import SelectorGroupChat

__all__ = ["SelectorGroupChat"]

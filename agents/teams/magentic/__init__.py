"""Teams led by an orchestrator that plans, watches over progress, and plans anew."""

from .team import MagenticOneGroupChat

__all__ = ["MagenticOneGroupChat"]

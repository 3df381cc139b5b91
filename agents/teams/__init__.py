"""Teams: who speaks when, and when it is over."""

from .group_chat import BaseGroupChat
from .round_robin import RoundRobinGroupChat

__all__ = ["BaseGroupChat", "RoundRobinGroupChat"]

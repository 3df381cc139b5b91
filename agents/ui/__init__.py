"""Shows a run to a person."""

from .console import Console
from .user_input import UserInputManager

__all__ = ["Console", "UserInputManager"]

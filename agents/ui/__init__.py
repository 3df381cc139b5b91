"""Shows a run to a person."""

from typing import TYPE_CHECKING

from ..later import later

if TYPE_CHECKING:
    from .console import Console
    from .user_input import UserInputManager

__all__ = [
    "Console",
    "UserInputManager",
]

__getattr__ = later(
    __name__,
    {
        "console": ["Console"],
        "user_input": ["UserInputManager"],
    },
)

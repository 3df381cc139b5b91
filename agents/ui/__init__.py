"""Shows a run to a person, and asks them."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
    from .approval import TerminalApproval
    from .console import Console, RichConsole
    from .converse import converse
    from .user_input import UserInputManager

__all__ = [
    "Console",
    "RichConsole",
    "TerminalApproval",
    "UserInputManager",
    "converse",
]

__getattr__ = _later(
    __name__,
    {
        "approval": ["TerminalApproval"],
        "console": ["Console", "RichConsole"],
        "converse": ["converse"],
        "user_input": ["UserInputManager"],
    },
)

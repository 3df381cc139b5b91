"""What agents remember beyond a conversation."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .content import MemoryContent, MemoryMimeType, MemoryQueryResult, UpdateContextResult

if TYPE_CHECKING:
    from .base import Memory
    from .list_memory import ListMemory

__all__ = [
    "ListMemory",
    "Memory",
    "MemoryContent",
    "MemoryMimeType",
    "MemoryQueryResult",
    "UpdateContextResult",
]

_LATER = {"ListMemory": "list_memory", "Memory": "base"}


def __getattr__(name: str) -> Any:
    """Messages need the contents only; the rest is loaded when it is used."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LATER[name]}", __name__), name)

"""What agents remember beyond a conversation."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
    from .base import Memory
    from .content import MemoryContent, MemoryMimeType, MemoryQueryResult, UpdateContextResult
    from .list_memory import ListMemory

__all__ = [
    "ListMemory",
    "Memory",
    "MemoryContent",
    "MemoryMimeType",
    "MemoryQueryResult",
    "UpdateContextResult",
]

__getattr__ = _later(
    __name__,
    {
        "base": ["Memory"],
        "content": ["MemoryContent", "MemoryMimeType", "MemoryQueryResult", "UpdateContextResult"],
        "list_memory": ["ListMemory"],
    },
)

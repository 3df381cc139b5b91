"""What agents remember beyond a conversation."""

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

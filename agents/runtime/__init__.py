"""What agents stand on: cancellation, and the values that travel in messages."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
    from ...executors.cancellation import CancellationToken
    from .function_call import FunctionCall
    from .image import Image
    from .scope import cancel_scope, cancellable
    from .store import CacheStore, InMemoryStore

__all__ = [
    "CacheStore",
    "CancellationToken",
    "FunctionCall",
    "Image",
    "InMemoryStore",
    "cancel_scope",
    "cancellable",
]

__getattr__ = _later(
    __name__,
    {
        "..executors.cancellation": ["CancellationToken"],
        "function_call": ["FunctionCall"],
        "image": ["Image"],
        "scope": ["cancel_scope", "cancellable"],
        "store": ["CacheStore", "InMemoryStore"],
    },
)

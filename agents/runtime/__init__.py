"""What agents stand on: cancellation, and the values that travel in messages."""

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

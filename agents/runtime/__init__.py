"""What agents stand on: cancellation, and the values that travel in messages."""

from ...executors.cancellation import CancellationToken
from .function_call import FunctionCall
from .image import Image
from .scope import cancel_scope, cancellable

__all__ = ["CancellationToken", "FunctionCall", "Image", "cancel_scope", "cancellable"]

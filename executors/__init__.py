"""Runs code blocks: one contract, several backends, the block extractor."""

from ..sandbox.errors import (
    BackendCrashed,
    BackendError,
    BackendUnavailable,
    MissingExtra,
    SandcrewError,
    UsageError,
)
from ..sandbox.result import Artifact, CodeResult, Denial, OutputEvent, RichOutput, Usage
from .base import CodeExecutor
from .block import CodeBlock, canonical_language
from .blockwise import BlockwiseExecutor
from .cancellation import CancellationToken
from .events import BlockFinished, BlockStarted, ExecutionEvent

__all__ = [
    "Artifact",
    "BackendCrashed",
    "BackendError",
    "BackendUnavailable",
    "BlockFinished",
    "BlockStarted",
    "BlockwiseExecutor",
    "CancellationToken",
    "CodeBlock",
    "CodeExecutor",
    "CodeResult",
    "Denial",
    "ExecutionEvent",
    "MissingExtra",
    "OutputEvent",
    "RichOutput",
    "SandcrewError",
    "Usage",
    "UsageError",
    "canonical_language",
]

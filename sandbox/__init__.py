"""Confines untrusted code: policy, layers, runs, results."""

from .errors import (
    BackendCrashed,
    BackendError,
    BackendUnavailable,
    MissingExtra,
    PolicyError,
    SandcrewError,
    UsageError,
)
from .result import Artifact, CodeResult, Denial, OutputEvent, RichOutput, Usage

__all__ = [
    "Artifact",
    "BackendCrashed",
    "BackendError",
    "BackendUnavailable",
    "CodeResult",
    "Denial",
    "MissingExtra",
    "OutputEvent",
    "PolicyError",
    "RichOutput",
    "SandcrewError",
    "Usage",
    "UsageError",
]

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
from .policy import Policy
from .result import Artifact, CodeResult, Denial, OutputEvent, RichOutput, Usage
from .run import Run
from .sandbox import Sandbox

__all__ = [
    "Artifact",
    "BackendCrashed",
    "BackendError",
    "BackendUnavailable",
    "CodeResult",
    "Denial",
    "MissingExtra",
    "OutputEvent",
    "Policy",
    "PolicyError",
    "RichOutput",
    "Run",
    "Sandbox",
    "SandcrewError",
    "Usage",
    "UsageError",
]

"""Confines untrusted code: policy, layers, runs, results."""

import importlib
from typing import TYPE_CHECKING, Any

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
from .result import (
    Artifact,
    CellResult,
    CodeResult,
    Contact,
    Denial,
    OutputEvent,
    RichOutput,
    Usage,
)

if TYPE_CHECKING:
    from .runs import Run
    from .sandbox import Sandbox
    from .session import Branch, Session
    from .sync import SyncSandbox, SyncSession, run
    from .values import Shown, Table

__all__ = [
    "Artifact",
    "BackendCrashed",
    "BackendError",
    "BackendUnavailable",
    "Branch",
    "CellResult",
    "CodeResult",
    "Contact",
    "Denial",
    "MissingExtra",
    "OutputEvent",
    "Policy",
    "PolicyError",
    "RichOutput",
    "Run",
    "Sandbox",
    "SandcrewError",
    "Session",
    "Shown",
    "SyncSandbox",
    "SyncSession",
    "Table",
    "Usage",
    "UsageError",
    "run",
]


_LAZY = {
    "Branch": ".session",
    "Run": ".runs",
    "Sandbox": ".sandbox",
    "Session": ".session",
    "SyncSandbox": ".sync",
    "SyncSession": ".sync",
    "Shown": ".values",
    "Table": ".values",
    "run": ".sync",
}


def __getattr__(name: str) -> Any:
    """Load what needs asyncio when it is first used; values and errors do not (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name], __name__), name)
    globals()[name] = value
    return value

"""Confines untrusted code: policy, layers, runs, results."""

from typing import TYPE_CHECKING

from .errors import (
    BackendCrashed,
    BackendError,
    BackendUnavailable,
    MissingExtra,
    PolicyError,
    SandcrewError,
    UsageError,
)
from .later import later as _later
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


# What needs asyncio is loaded when it is first used; values and errors are there.
__getattr__ = _later(
    __name__,
    {
        "runs": ["Run"],
        "sandbox": ["Sandbox"],
        "session": ["Branch", "Session"],
        "sync": ["SyncSandbox", "SyncSession", "run"],
        "values": ["Shown", "Table"],
    },
)

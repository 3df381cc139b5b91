"""What comes back from running code: values only, the same for every backend."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

EXIT_TIMEOUT = 124
"""Exit code of a program that ran into its time limit (as ``timeout(1)`` has it)."""
EXIT_CANCELLED = 125
"""Exit code of a program that was cancelled."""
EXIT_KILLED = 137
"""Exit code of a program killed by a limit (128 + SIGKILL, as shells have it)."""


@dataclass(frozen=True, slots=True)
class OutputEvent:
    """Text a running program printed, as soon as it arrived."""

    text: str
    stream: Literal["stdout", "stderr"] = "stdout"


@dataclass(frozen=True, slots=True)
class RichOutput:
    """One displayed value in several forms, by MIME type (binary forms are base64 text)."""

    data: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Artifact:
    """A regular file the code created or changed in the workspace."""

    path: str
    """Relative to the workspace, with ``/`` between the parts."""
    size: int
    """In bytes."""
    mime_type: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run used, as the kernel accounted it (``None``: this backend cannot tell)."""

    cpu_seconds: float | None = None
    """User and system time of the whole process tree."""
    peak_memory: int | None = None
    """Peak resident set of the largest process, in bytes."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Something the code tried and was refused."""

    kind: str
    subject: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CodeResult:
    """What code did. Never an exception, whatever the code did.

    ``exit_code`` is 0 for success, the program's own code otherwise (128 + N where signal N
    killed it), 124 at the time limit, 125 when cancelled, 137 when a limit killed it.
    """

    exit_code: int
    output: str
    """stdout and stderr as they were interleaved; head and tail if it was too long."""
    stdout: str = ""
    stderr: str = ""
    outputs: tuple[RichOutput, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    timed_out: bool = False
    cancelled: bool = False
    limit_hit: str | None = None
    """The name of the limit that ended the run: ``"timeout"``, ``"memory"``, …"""
    truncated: bool = False
    """True when some of the output was dropped."""
    duration: float = 0.0
    """Wall time in seconds."""
    usage: Usage = Usage()
    denials: tuple[Denial, ...] = ()
    isolation: tuple[str, ...] = ()
    """The layers that were really enforced; empty: the code ran unconfined."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON-able values."""
        return asdict(self)

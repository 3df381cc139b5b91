"""What comes back from running code: values only, the same for every backend."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from .intake.names import shown_name

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """In bytes: of all processes together where a cgroup counted, else of the largest one."""
    processes: int | None = None
    """Processes and threads that were made, the program's first included."""
    bytes_written: int | None = None
    """Bytes passed to write calls, output included."""

    @classmethod
    def total(cls, usages: Sequence[Usage]) -> Usage:
        """What several runs used, one after another: the highest peak, and sums of the rest."""

        def known(name: str) -> list[Any]:
            return [value for usage in usages if (value := getattr(usage, name)) is not None]

        return cls(
            **{
                item.name: (max if item.name == "peak_memory" else sum)(values)
                for item in fields(cls)
                if (values := known(item.name))
            }
        )


LINK, SPECIAL_FILE, UNSEEN = "link", "special file", "unseen folder"
"""Kinds of :class:`Denial` of what was left in a work folder of the caller's: links that lead out
of it and are still there; pipes, sockets and devices, which are not; and what was not looked at."""


@dataclass(frozen=True, slots=True)
class Denial:
    """Something the code tried and was refused, or left in a work folder of the caller's.

    ``kind`` is ``"system call"``, ``"network"``, ``"protocol"``, or of what was left ``"link"``,
    ``"special file"``, ``"unseen folder"``; the reason then says what became of it.
    """

    kind: str
    subject: str
    reason: str = ""

    @property
    def was_refused(self) -> bool:
        """False for what was left in the work folder."""
        return self.kind not in (LINK, SPECIAL_FILE, UNSEEN)


@dataclass(frozen=True, slots=True)
class Contact:
    """An address that was connected to."""

    host: str
    """As the guest named it, in canonical form."""
    port: int
    address: str
    connections: int
    sent: int
    """Bytes from the guest to the host."""
    received: int
    """Bytes from the host to the guest."""


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
    contacts: tuple[Contact, ...] = ()
    """Hosts that were reached, where the network is a list of hosts."""
    isolation: tuple[str, ...] = ()
    """The layers that were really enforced; empty: the code ran unconfined."""

    def receipt(self) -> str:
        """One line on how it went and what was refused, for whoever wrote the code."""
        parts = [f"exit code {self.exit_code} after {self.duration:.2g} s"]
        if self.limit_hit:
            parts.append(f"ended by the {self.limit_hit} limit")
        if self.cancelled:
            parts.append("cancelled")
        if self.usage.peak_memory:
            parts.append(f"{self.usage.peak_memory / 1e6:.0f} MB of memory at most")
        if "network-proxy" in self.isolation:
            parts.append("only some hosts can be reached here, by the proxy")
        elif {"network-namespace", "no-sockets"} & set(self.isolation):
            parts.append("there is no network here")
        for words, refused in (("refused", True), ("left in the work folder", False)):
            some = [denial for denial in self.denials if denial.was_refused is refused]
            if some:
                parts.append(f"{words}: {', '.join(_in_words(denial) for denial in some[:5])}")
        if self.truncated:
            parts.append("some of the output was dropped")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON-able values."""
        return asdict(self)


def _in_words(denial: Denial) -> str:
    return f"{shown_name(denial.subject)} ({shown_name(denial.reason)})"


@dataclass(frozen=True, slots=True)
class CellResult(CodeResult):
    """What one cell of a session did."""

    value: Any = None
    """The value of the last expression: JSON values and bytes as they are, a
    :class:`~sandcrew.sandbox.values.Table`, or what it looks like
    (:class:`~sandcrew.sandbox.values.Shown`). The cell's word for it, as its exit code is."""
    state_lost: bool = False
    """True when the interpreter ended with this cell; the next cell finds a new one."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON-able values.

        ``value_kind`` says what ``value`` is: ``"json"``, ``"text"`` (how it looks), ``"base64"``
        (bytes) or ``"arrow"`` (a table, in base64).
        """
        from . import values  # it needs this module

        return asdict(replace(self, value=None)) | values.describe(self.value)

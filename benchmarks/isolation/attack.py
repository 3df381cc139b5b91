"""What an attack is: a small program, what it wants, and what would prove that it got it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

GROUPS = {
    "A": "resources",
    "B": "disk and output",
    "C": "secrets",
    "D": "kernel surface",
    "E": "network",
    "F": "files and control plane",
    "G": "host side",
}

Language = Literal["python", "bash", "c"]

Role = Literal["program", "answer", "application"]
"""What the code of an attack is: a program that is run; what a model says, all of it; or an
application on the host, which uses the library beside a hostile guest, model or state."""


class Evidence(StrEnum):
    """What proves a leak. All but the first are seen by the host, whatever the attack prints."""

    CLAIM = "the attack says so: the host cannot see it"
    SECRET = "a secret planted on the host is in the output"
    HEARD = "a listener of the host was spoken to"
    REACHABLE = "the host could connect to the run"
    CHANGED = "a file of the host changed, or one was left behind"
    VICTIM = "another process was changed or killed"
    ALIVE = "a process of the run is alive after its end"
    TIME = "it ran on after its time"
    PROCESSES = "more tasks than the limit at one time"
    MEMORY = "more memory than the limit"
    OUTPUT = "more output than the limit reached the caller"
    COLLECTED = "a secret came back as a file of the run"
    PLANTED = "a set-id file or a device lies in the folder of the host"
    LEFT = "a pipe, a socket, or a link that leads away lies in the folder of the host"
    EXECUTED = "the host's own tools ran code that the run had left"
    NAMED = "the host keeps a file under a name that tools execute, or that drives a terminal"
    ROOM = "the host keeps more on its disk than the run may use"
    LOST = "what the host was to keep is not there"
    ACTIVE = "what the host keeps acts in who opens it"
    TERMINAL = "bytes of the run drive the terminal of who reads it"
    CUT = "what the host shows lacks the end of the output, or the exit code is another"
    HOST_MEMORY = "a process of the host took more memory than it should for any run"
    HOST_TIME = "a process of the host was busy long after the run's time"
    PRIVILEGED = "a process of the run has capabilities, or no filter of system calls"
    UNSEEN = "code ran that its approver was not shown"
    LOCKED = "a file that all share was locked for the host"


ABILITIES = {
    "command": "it is no command",
    "status": "its exit code is not the program's",
    "record": "it keeps no record",
    "notebook": "it keeps no notebook",
    "folder": "it shares no folder",
    "packages": "it takes no packages",
    "model": "it has no model",
    "branch": "it has no branches",
    "session": "it has no sessions",
    "relay": "it has no front end",
}
"""What only some contenders have, and what is said of the others."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What every run may use, where its executor can limit it."""

    memory: int = 128 << 20
    kernel_memory: int = 192 << 20
    """Of a Python kernel, which loads its debugger when it starts."""
    processes: int = 24
    disk: int = 16 << 20
    files: int = 1000
    output: int = 64 << 10
    host_memory: int = 384 << 20
    """Of one process of the host, all its libraries included."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack. Bounded by construction, so that it is safe without any confinement."""

    number: str
    """The letter of its group and its number in it."""
    name: str
    catalogue: tuple[int, ...]
    """Entries of the catalogue it stands for."""
    wants: str
    """One sentence: what it wants, and what would stop it."""
    evidence: Evidence
    code: str
    language: Language = "python"
    requires: tuple[str, ...] = ()
    """Of the host: ``root``, ``x86_64``, ``ipv6``, ``folder`` (a shared folder), ``victim``."""
    seconds: float = 15.0
    """The time limit of its run."""
    then: str = ""
    """A second program, run after the first by the same executor."""
    role: Role = "program"
    needs: str = ""
    """What a contender must have for it: one of :data:`ABILITIES`."""
    careless: str = ""
    """For the control: a host without care, as a Python program that is run after the code (or,
    for an answer or an application, in its place). Without it the code itself is the control."""
    not_promised: str = ""
    """Why nobody promises that it is held, for what the security page lists as such."""

    @property
    def group(self) -> str:
        return self.number[0]

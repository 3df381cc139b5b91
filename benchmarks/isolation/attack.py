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
}

Language = Literal["python", "bash", "c"]


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


@dataclass(frozen=True, slots=True)
class Limits:
    """What every run may use, where its executor can limit it."""

    memory: int = 128 << 20
    processes: int = 24
    disk: int = 16 << 20
    output: int = 64 << 10


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

    @property
    def group(self) -> str:
        return self.number[0]

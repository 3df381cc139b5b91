"""Watches the tasks of runs from the host: how many at a time, how much memory, which survive."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .attack import LIMITS, Evidence

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .attack import Attack
    from .place import Place

_INTERVAL_SECONDS = 0.05
_LOOKS = 4
_WATCHED = (
    Evidence.PROCESSES,
    Evidence.MEMORY,
    Evidence.REACHABLE,
    Evidence.TIME,
    Evidence.ALIVE,
    Evidence.PRIVILEGED,
    Evidence.LOCKED,
)
_KIB = 1024
_SHARED_FILE = Path(wave.__file__).resolve()
"""A file of the interpreter that nobody else locks."""
_TOLERANCE = 1.75
"""Pages that a guest shares with who made it are seen here, and not charged to it; and a kernel may
use half as much again."""


@dataclass(slots=True)
class Peaks:
    """The most that was seen at one time."""

    tasks: int = 0
    memory: int = 0
    reachable: bool = False
    privileged: str = ""
    locked: bool = False


@contextlib.asynccontextmanager
async def watched(attack: Attack, place: Place) -> AsyncGenerator[Peaks, None]:
    """Sample the run while the block is running, for what its evidence needs."""
    peaks = Peaks()
    if attack.evidence not in _WATCHED:
        yield peaks
        return
    task = asyncio.create_task(_sample_for_ever(attack, place, peaks))
    try:
        yield peaks
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _sample_for_ever(attack: Attack, place: Place, peaks: Peaks) -> None:
    while True:
        await asyncio.to_thread(_sample, attack.evidence, place, peaks)
        await asyncio.sleep(_INTERVAL_SECONDS)


def _sample(evidence: Evidence, place: Place, peaks: Peaks) -> None:
    if evidence == Evidence.REACHABLE:
        peaks.reachable = peaks.reachable or _connects(int(str(place.places["free_port"])))
        return
    if evidence == Evidence.LOCKED:
        peaks.locked = peaks.locked or _is_locked(_SHARED_FILE)
        return
    pids = tasks_named(place.token)
    if evidence == Evidence.PRIVILEGED:
        peaks.privileged = peaks.privileged or next(
            (had for pid in pids if (had := _privileges(pid))), ""
        )
    if evidence == Evidence.MEMORY:
        peaks.memory = max(peaks.memory, sum(map(_memory, pids)))
    peaks.tasks = max(peaks.tasks, sum(map(_threads, pids)))


def tasks_named(token: str) -> list[int]:
    """The processes that bear the name of a run, or have it among their arguments."""
    name = token.encode()
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [
        pid
        for pid in pids
        if pid != os.getpid()
        and (name in _read(pid, "comm") or name in _read(pid, "cmdline").split(b"\0")[0])
    ]


def survivors(token: str) -> list[int]:
    """Processes of a run that are there and not merely unburied."""
    return [pid for pid in tasks_named(token) if _state(pid) not in ("", "Z", "X")]


async def wait_for_end(token: str, patience: float = 1.0) -> list[int]:
    """What is alive of a run after it has ended and had a moment to go."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    empty = 0
    while True:
        left = await asyncio.to_thread(survivors, token)
        # More than once: what forks on and on may be missed by one look.
        empty = 0 if left else empty + 1
        if empty == _LOOKS or loop.time() > deadline:
            return left
        await asyncio.sleep(_INTERVAL_SECONDS / 5)


def kill_all(token: str) -> None:
    """End what is left of a run. It may fork faster than we look, so look again."""
    empty = 0
    for _ in range(1000):
        left = survivors(token)
        empty = 0 if left else empty + 1
        if empty == _LOOKS:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def over_limit(evidence: Evidence, peaks: Peaks) -> str:
    """What was seen of a limit that did not hold, or nothing."""
    if evidence == Evidence.PROCESSES and peaks.tasks > LIMITS.processes:
        return f"{peaks.tasks} tasks at one time, and {LIMITS.processes} are allowed"
    if evidence == Evidence.MEMORY and peaks.memory > LIMITS.memory * _TOLERANCE:
        return f"{peaks.memory >> 20} MiB at one time, and {LIMITS.memory >> 20} are allowed"
    if evidence == Evidence.PRIVILEGED:
        return peaks.privileged
    if peaks.locked:
        return f"{_SHARED_FILE} was locked"
    if peaks.reachable:
        return "the host connected to it"
    return ""


def _privileges(pid: int) -> str:
    """What a task may do that no code of a run may, or nothing."""
    lines = _read(pid, "status").decode(errors="replace").splitlines()
    status = dict(line.split(":", 1) for line in lines if ":" in line)
    if not status or status["State"].split()[0] in ("Z", "X"):
        return ""
    capabilities, filtered = status["CapEff"].strip(), status["Seccomp"].strip()
    if int(capabilities, 16) == 0 and filtered != "0":
        return ""
    return f"uid {status['Uid'].split()[1]}, CapEff {capabilities}, Seccomp {filtered}"


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
    except OSError:
        return False
    return True


def _memory(pid: int) -> int:
    """Anonymous and shared memory, each page once for all who map it, and its page tables."""
    rollup = _fields(_read(pid, "smaps_rollup"))
    status = _fields(_read(pid, "status"))
    if "Pss_Anon" in rollup:
        pages = rollup["Pss_Anon"] + rollup.get("Pss_Shmem", 0)
    else:
        pages = status.get("RssAnon", 0) + status.get("RssShmem", 0)
    return (pages + status.get("VmPTE", 0)) * _KIB


def _threads(pid: int) -> int:
    return _fields(_read(pid, "status")).get("Threads", 1)


def _state(pid: int) -> str:
    for line in _read(pid, "status").splitlines():
        if line.startswith(b"State:"):
            return line.split()[1].decode()
    return ""


def _fields(text: bytes) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in text.decode(errors="replace").splitlines():
        key, _, value = line.partition(":")
        number = value.split()[:1]
        if number and number[0].isdigit():
            found[key] = int(number[0])
    return found


def _read(pid: int, name: str) -> bytes:
    try:
        return Path("/proc", str(pid), name).read_bytes()
    except OSError:
        return b""

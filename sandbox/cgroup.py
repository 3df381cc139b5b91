"""Limits for a whole guest by control groups, version 2 or 1, where this process may make some.

Sources: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/{memory,pids}.rst of the kernel,
cgroups(7). Without a cgroup the limits of processes (rlimits) still hold, each for itself.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .owner import is_alive, this_process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .policy import Policy

_NAME = "sandcrew"
_PERIOD = 100_000
"""Microseconds in which a share of the processors is counted."""
_TCP = "memory.kmem.tcp.limit_in_bytes"
"""Version 1 does not count what connections hold with the rest: who sends more waits."""
_TCP_SHARE = 4
_OURS = 1
"""Processes of a guest that are not the program's: the first of its namespace."""
_number = itertools.count()


@dataclass(frozen=True, slots=True)
class Accounts:
    """What a cgroup counted."""

    peak_memory: int | None
    """In bytes, of all processes together, files in memory included."""
    memory_hits: int
    """Processes the kernel killed for want of memory."""
    process_hits: int
    """Forks that were refused."""
    cpu_seconds: float | None
    """Time on processors, of the killed as well."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The folders of one guest, one for each controller (in version 2 they are the same)."""

    version: int
    folders: Mapping[str, Path]

    def add(self, pid: int) -> None:
        """Move a process here; what it forks later is born here.

        Raises
        ------
        OSError
            The kernel refused.
        """
        for folder in set(self.folders.values()):
            _write(f"{folder}/cgroup.procs", str(pid))

    def open_doors(self) -> list[int]:
        """Descriptors for a process that is to be in here, to which it writes ``0``.

        What it forks later is born here. Version 1 lets a thread move itself without stopping all
        forks and ends of processes on this host for it, which another one who moves it would have
        to wait for: 10 milliseconds and more (cgroup_threadgroup_rwsem).

        Raises
        ------
        OSError
            The kernel refused.
        """
        file = "tasks" if self.version == 1 else "cgroup.procs"
        doors: list[int] = []
        try:
            flags = os.O_WRONLY | os.O_CLOEXEC
            doors.extend(
                os.open(f"{folder}/{file}", flags) for folder in set(self.folders.values())
            )
        except OSError:
            for door in doors:
                os.close(door)
            raise
        return doors

    def accounts(self) -> Accounts:
        """What has been counted until now."""
        memory, pids = self.folders["memory"], self.folders["pids"]
        if self.version == 2:
            peak, events, cpu = (
                "memory.peak",
                "memory.events",
                _field(f"{memory}/cpu.stat", "usage_usec"),
            )
            seconds = None if cpu is None else cpu / 1e6
        else:
            peak, events = "memory.max_usage_in_bytes", "memory.oom_control"
            spent = _read_int(f"{self.folders.get('cpuacct', memory)}/cpuacct.usage")
            seconds = None if spent is None else spent / 1e9
        return Accounts(
            _read_int(f"{memory}/{peak}"),
            _field(f"{memory}/{events}", "oom_kill") or 0,
            _field(f"{pids}/pids.events", "max") or 0,
            seconds,
        )

    def end_forks(self) -> None:
        """Let nothing in here fork any more, so that it can be killed one by one."""
        with contextlib.suppress(OSError):  # then the limit of the policy is where it stops
            _write(f"{self.folders['pids']}/pids.max", "0")

    def remove(self) -> bool:
        """Remove the folders, killing what is in them; false if one is busy for a moment."""
        gone = [_remove(folder) for folder in set(self.folders.values())]
        return all(gone)


@dataclass(frozen=True)
class Cgroups:
    """The places under which this process may make cgroups, by controller."""

    version: int
    parents: Mapping[str, Path]

    def create(self, policy: Policy) -> Cgroup:
        """A new, empty cgroup with the limits of ``policy``.

        Raises
        ------
        OSError
            The kernel refused.
        """
        name = f"{_NAME}-{this_process()}-{next(_number)}"
        used = (key for key in self.parents if key != "cpu" or policy.cpus)
        cgroup = Cgroup(self.version, {key: self.parents[key] / name for key in used})
        try:
            for folder in set(cgroup.folders.values()):
                os.mkdir(folder)  # noqa: PTH102  (once for each guest, where it counts)
            for controller, file, value in self._limits(policy):
                _write(f"{cgroup.folders[controller]}/{file}", value)
        except OSError:
            cgroup.remove()
            raise
        return cgroup

    def reap(self) -> None:
        """Remove what owners left who are dead."""
        for parent in set(self.parents.values()):
            for folder in parent.glob(f"{_NAME}-*"):
                owner = folder.name.removeprefix(f"{_NAME}-").rpartition("-")[0]
                if not is_alive(owner):
                    _remove(folder)

    @cached_property
    def _counts_swap(self) -> bool:
        """Whether this kernel was built and started with accounts of swap."""
        file = "memory.swap.max" if self.version == 2 else "memory.memsw.limit_in_bytes"
        return (self.parents["memory"] / file).exists()

    @cached_property
    def _counts_tcp(self) -> bool:
        return (self.parents["memory"] / _TCP).exists()

    def _limits(self, policy: Policy) -> Iterator[tuple[str, str, str]]:
        yield "pids", "pids.max", str(policy.processes + _OURS)
        quota = policy.cpus * _PERIOD if policy.cpus else None
        if self.version == 2:
            yield "memory", "memory.max", str(policy.memory)
            if self._counts_swap:
                yield "memory", "memory.swap.max", "0"
            if quota and "cpu" in self.parents:
                yield "cpu", "cpu.max", f"{quota} {_PERIOD}"
            return
        yield "memory", "memory.limit_in_bytes", str(policy.memory)
        if self._counts_swap:
            yield "memory", "memory.memsw.limit_in_bytes", str(policy.memory)
        if self._counts_tcp:
            yield "memory", _TCP, str(int(policy.memory) // _TCP_SHARE)
        if quota and "cpu" in self.parents:
            yield "cpu", "cpu.cfs_quota_us", str(quota)


def find_cgroups(
    mounts: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> Cgroups | None:
    """Where this process may limit memory and processes; ``None`` if it may not.

    ``mounts`` and ``own`` are the kernel's files.
    """
    try:
        by_controller = _by_controller(own.read_text())
    except OSError:
        return None
    if (mounts / "cgroup.controllers").exists():
        return _version_2(mounts, by_controller.get("", "/"))
    return _version_1(mounts, by_controller)


def _by_controller(text: str) -> dict[str, str]:
    """The path for each controller, of /proc/PID/cgroup; for version 2 the empty name has it."""
    lines = [line.split(":", 2) for line in text.splitlines()]
    return {name: path for _, names, path in lines for name in names.split(",")}


def cgroup_of(pid: int, mounts: Path = Path("/sys/fs/cgroup")) -> Cgroup | None:
    """The cgroup that a process of this host is in; ``None`` if it cannot be seen from here."""
    try:
        own = _by_controller(Path(f"/proc/{pid}/cgroup").read_text())
    except OSError:
        return None
    version = 2 if (mounts / "cgroup.controllers").exists() else 1
    folders = {
        name: mounts
        / (name if version == 1 else "")
        / own.get(name if version == 1 else "", "/")[1:]
        for name in ("memory", "pids", *(("cpu", "cpuacct") if version == 1 else ()))
    }
    apart = all(folder.is_dir() and folder.parent != mounts for folder in folders.values())
    return Cgroup(version, folders) if apart else None


def _version_1(mounts: Path, own: Mapping[str, str]) -> Cgroups | None:
    parents = {
        name: _below(mounts / name, own[name])
        for name in ("memory", "pids", "cpu", "cpuacct")
        if name in own and os.access(_below(mounts / name, own[name]), os.W_OK)
    }
    return Cgroups(1, parents) if {"memory", "pids"} <= parents.keys() else None


def _version_2(mounts: Path, own: str) -> Cgroups | None:
    """The nearest cgroup above this process that hands its controllers down to children.

    A cgroup with processes of its own cannot ("no internal processes"), so it is rarely ours.
    """
    place = _below(mounts, own)
    for parent in (place, *place.parents):
        if mounts not in (parent, *parent.parents):
            break
        handed_down = _words(f"{parent}/cgroup.subtree_control")
        may_move = os.access(parent / "cgroup.procs", os.W_OK)
        if {"memory", "pids"} <= handed_down and os.access(parent, os.W_OK) and may_move:
            return Cgroups(2, dict.fromkeys(handed_down & {"memory", "pids", "cpu"}, parent))
    return None


def _below(mount: Path, path: str) -> Path:
    """``path`` of /proc/self/cgroup below ``mount``, which in a container is only a part."""
    full = mount / path.lstrip("/")
    return full if full.exists() else mount


def _remove(folder: Path) -> bool:
    """True when the folder is gone; else it is the next one's to remove, who is alive or reaps."""
    with contextlib.suppress(OSError):
        os.rmdir(folder)  # noqa: PTH106
        return True
    with contextlib.suppress(OSError):
        for pid in _read(f"{folder}/cgroup.procs").split():
            os.kill(int(pid), signal.SIGKILL)
        folder.rmdir()
    return not folder.exists()


# Files of the kernel are read and written once or twice for each guest, so without the layers of
# a file object, which ask it for its size, its kind and its position, and of path objects.


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _read(path: str) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 1 << 16).decode()
    finally:
        os.close(fd)


def _read_int(path: str) -> int | None:
    try:
        return int(_read(path))
    except (OSError, ValueError):
        return None


def _words(path: str) -> set[str]:
    try:
        return set(_read(path).split())
    except OSError:
        return set()


def _field(path: str, name: str) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in _read(path).splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return None

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
from pathlib import Path
from typing import TYPE_CHECKING

from .owner import is_alive, this_process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .policy import Policy

_NAME = "sandcrew"
_PERIOD = 100_000
"""Microseconds in which a share of the processors is counted."""
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
            (folder / "cgroup.procs").write_text(str(pid))

    def accounts(self) -> Accounts:
        """What has been counted until now."""
        memory, pids = self.folders["memory"], self.folders["pids"]
        if self.version == 2:
            peak, events, cpu = (
                "memory.peak",
                "memory.events",
                _field(memory / "cpu.stat", "usage_usec"),
            )
            seconds = None if cpu is None else cpu / 1e6
        else:
            peak, events = "memory.max_usage_in_bytes", "memory.oom_control"
            spent = _read_int(self.folders.get("cpuacct", memory) / "cpuacct.usage")
            seconds = None if spent is None else spent / 1e9
        return Accounts(
            _read_int(memory / peak),
            _field(memory / events, "oom_kill") or 0,
            _field(pids / "pids.events", "max") or 0,
            seconds,
        )

    def remove(self) -> None:
        """Remove the folders; processes still in them are killed first."""
        for folder in set(self.folders.values()):
            _remove(folder)


@dataclass(frozen=True, slots=True)
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
        cgroup = Cgroup(self.version, {key: path / name for key, path in self.parents.items()})
        try:
            for folder in set(cgroup.folders.values()):
                folder.mkdir()
            for controller, file, value in self._limits(policy):
                (cgroup.folders[controller] / file).write_text(value)
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

    def _limits(self, policy: Policy) -> Iterator[tuple[str, str, str]]:
        yield "pids", "pids.max", str(policy.processes + _OURS)
        quota = policy.cpus * _PERIOD if policy.cpus else None
        if self.version == 2:
            yield "memory", "memory.max", str(policy.memory)
            if (self.parents["memory"] / "memory.swap.max").exists():
                yield "memory", "memory.swap.max", "0"
            if quota and "cpu" in self.parents:
                yield "cpu", "cpu.max", f"{quota} {_PERIOD}"
            return
        yield "memory", "memory.limit_in_bytes", str(policy.memory)
        if (self.parents["memory"] / "memory.memsw.limit_in_bytes").exists():
            yield "memory", "memory.memsw.limit_in_bytes", str(policy.memory)
        if quota and "cpu" in self.parents:
            yield "cpu", "cpu.cfs_quota_us", str(quota)


def find_cgroups(
    mounts: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> Cgroups | None:
    """Where this process may limit memory and processes; ``None`` if it may not.

    ``mounts`` and ``own`` are the kernel's files.
    """
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return None
    by_controller = {name: path for _, names, path in lines for name in names.split(",")}
    if (mounts / "cgroup.controllers").exists():
        return _version_2(mounts, by_controller.get("", "/"))
    return _version_1(mounts, by_controller)


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
        handed_down = _words(parent / "cgroup.subtree_control")
        may_move = os.access(parent / "cgroup.procs", os.W_OK)
        if {"memory", "pids"} <= handed_down and os.access(parent, os.W_OK) and may_move:
            return Cgroups(2, dict.fromkeys(handed_down & {"memory", "pids", "cpu"}, parent))
    return None


def _below(mount: Path, path: str) -> Path:
    """``path`` of /proc/self/cgroup below ``mount``, which in a container is only a part."""
    full = mount / path.lstrip("/")
    return full if full.exists() else mount


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
    with contextlib.suppress(OSError):  # then it is busy for a moment, and the next reaper's
        folder.rmdir()


def _read_int(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _words(path: Path) -> set[str]:
    try:
        return set(path.read_text().split())
    except OSError:
        return set()


def _field(path: Path, name: str) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return None

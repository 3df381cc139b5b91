"""What the kernel counts for the guests of a container, and to what it holds them."""

from __future__ import annotations

import contextlib
import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...sandbox.cgroup import Accounts, Cgroup, Cgroups, cgroup_of
from ...sandbox.errors import BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...sandbox.policy import Policy


def require_limits(pid: int, settings: Mapping[str, Any], policy: Policy) -> bool:
    """Whether the kernel holds a container to its settings; ``pid`` is a process of it.

    Rootless engines pass over limits that they cannot set, with a warning at most. True where
    nothing of it can be seen from here (``pid`` is 0), and if it has ended already.

    Raises
    ------
    BackendUnavailable
        It does not, and the policy does not go without.
    """
    host = settings["HostConfig"]
    if pid == 0 or not Path(f"/proc/{pid}").exists():
        return True
    cgroup = cgroup_of(pid)
    if cgroup is not None and holds(cgroup, host["Memory"], host["PidsLimit"]):
        return True
    if "cgroup" in policy.allow_missing:
        return False
    raise BackendUnavailable(
        "a limited container",
        why="the engine has set no limit of memory and processes, which rootless ones can only "
        "with cgroup version 2 and controllers that are delegated to the user",
        remedy="Use an engine that can (docker info tells), or the local sandbox; or name 'cgroup' "
        "in the policy's allow_missing: memory is limited for each process then, not their number.",
    )


def holds(cgroup: Cgroup, memory: int, processes: int) -> bool:
    """Whether what is in a cgroup is held to that much memory, in bytes, and that many tasks."""
    of_memory = "memory.max" if cgroup.version == 2 else "memory.limit_in_bytes"
    folders = cgroup.folders
    return (
        _least(folders["memory"], of_memory) <= memory
        and _least(folders["pids"], "pids.max") <= processes
    )


def _least(folder: Path, file: str) -> float:
    """The strictest limit of a cgroup and those it is in, which hold for it as well."""
    least = math.inf
    for place in (folder, *folder.parents):
        with contextlib.suppress(OSError, ValueError):  # above all of them, or "max"
            least = min(least, int((place / file).read_text()))
    return least


def container_cgroups(pid: int) -> Cgroups | None:
    """Where the guests of a container are counted whose first process is ``pid`` on this host.

    In version 1 a cgroup may have processes and children, so who may write that of the container
    makes one in it for each guest. Otherwise all are counted together.
    """
    whole = cgroup_of(pid)
    if whole is None:
        return None
    writable = all(os.access(folder, os.W_OK) for folder in whole.folders.values())
    if whole.version == 1 and writable:
        return Cgroups(1, whole.folders)
    return _Together(whole.version, whole.folders)


class _Together(Cgroups):
    """One cgroup for all guests, which is the engine's."""

    def create(self, policy: Policy) -> Cgroup:
        whole = Cgroup(self.version, self.parents)
        return _Share(self.version, self.parents, before=whole.accounts())


@dataclass(frozen=True, slots=True)
class _Share(Cgroup):
    """The same as seen by one guest: what happened in its time, maybe to another."""

    before: Accounts

    def add(self, pid: int) -> None:
        """It is there already."""

    def open_doors(self) -> list[int]:
        return []  # for the same reason

    def end_forks(self) -> None:
        """They would be those of all."""

    def accounts(self) -> Accounts:
        now = Cgroup(self.version, self.folders).accounts()
        return replace(
            now,
            peak_memory=None,
            memory_hits=now.memory_hits - self.before.memory_hits,
            process_hits=now.process_hits - self.before.process_hits,
            cpu_seconds=None,
        )

    def remove(self) -> bool:
        """The engine does."""
        return True

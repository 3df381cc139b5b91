"""Whether a container is held to its limits, as the kernel says it."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...sandbox.cgroup import cgroup_of
from ...sandbox.errors import BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...sandbox.cgroup import Cgroup
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

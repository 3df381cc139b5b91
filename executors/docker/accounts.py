"""What the kernel counts for the guests of a container."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...sandbox.cgroup import Accounts, Cgroup, Cgroups, cgroup_of

if TYPE_CHECKING:
    from ...sandbox.policy import Policy


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

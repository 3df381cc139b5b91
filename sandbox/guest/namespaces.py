"""How guests are forked and ended in the profile ``namespaces``: each in a pid namespace."""

from __future__ import annotations

import os
from typing import Any, Collection, NoReturn

from . import kernel

Config = dict[str, Any]


class Forks:
    """Forks the first process of each guest, and sees to it that none of a guest outlives it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def fork(self) -> int:
        # The new namespace is for the next child only; this process goes back to its own.
        try:
            kernel.unshare(kernel.CLONE_NEWPID)
            pid = os.fork()
        except OSError:
            self._go_back()
            raise
        if pid:
            self._go_back()
        return pid

    def config_of(self, guest: int) -> Config:
        return self._config

    def bury(self, guest: int, status: int, guests: Collection[int]) -> None:
        """Nothing is left of a dead guest: with its first process the kernel killed all others."""

    def end(self, guests: Collection[int]) -> NoReturn:
        os._exit(0)  # and the kernel kills what is left in the namespace

    def _go_back(self) -> None:
        kernel.setns(self._pid_namespace, kernel.CLONE_NEWPID)

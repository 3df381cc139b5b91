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

    def fork(self) -> int:
        """The child has all capabilities in a user namespace of its own, this process has none."""
        return kernel.fork_into_new(kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID)

    def config_of(self, guest: int) -> Config:
        return self._config

    def bury(self, guest: int, status: int, guests: Collection[int]) -> None:
        """Nothing is left of a dead guest: with its first process the kernel killed all others."""

    def end(self, guests: Collection[int]) -> NoReturn:
        os._exit(0)  # and the kernel kills what is left in the namespace

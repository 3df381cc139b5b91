"""Where a branch is going to live: what all profiles have in common."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .branching import Arrival
    from .session_guests import BranchGuest


class Room(ABC):
    """A branch's guest, and the way into it.

    ``way`` are descriptors for the fork of the interpreter; they are closed with this.
    """

    guest: BranchGuest
    way: list[int]
    counted = False
    """Whether it was told to join a cgroup."""

    def close(self) -> None:
        """Give up the way in; who is in is in."""
        for fd in self.way:
            os.close(fd)

    @abstractmethod
    async def announce(self) -> None:
        """Tell who guards the way in of the fork that is coming."""

    @abstractmethod
    async def furnish(self) -> dict[str, Any]:
        """See to its files; returns what the fork is to be told about them."""

    @abstractmethod
    async def admit(self, arrival: Arrival, files: list[tuple[int, int]]) -> None:
        """Have the fork looked at by who trusts nobody, and tell who will reap it.

        ``files`` are device and inode of what it has from the host.

        Raises
        ------
        UsageError
            It is not as it should be.
        """

    @abstractmethod
    async def close_the_way(self) -> None:
        """Let nobody else enter."""

    @abstractmethod
    async def clear(self) -> None:
        """Remove its files, which nobody uses any more."""

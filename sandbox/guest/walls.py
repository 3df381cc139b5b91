"""What differs between profiles when a live interpreter becomes a branch."""

from __future__ import annotations

from typing import Any, Callable, NoReturn

from . import forking


class Walls:
    """The walls of the profile ``namespaces``, which are made ahead: :mod:`.branch`.

    Those of the other one are :class:`.landlocked_walls.LandlockedWalls`. ``way`` are descriptors
    that the host gives along.
    """

    def relocate(self, job: dict[str, Any]) -> None:
        """Change a job to the paths that there are."""

    def fork(self, way: list[int], become: Callable[[], NoReturn]) -> None:
        """Fork this interpreter; the fork does ``become``.

        Raises
        ------
        OSError
            The kernel refused.
        """
        forking.fork_into(way, become)

    def enter(self, way: list[int]) -> None:
        """In the fork: enter what can be entered at once."""
        forking.arrive(way)

    def move_in(self, header: dict[str, Any]) -> Callable[[str], str]:
        """In the fork: see to its files; what tells their paths, given those of its parent's.

        Raises
        ------
        OSError
            They do not fit.
        """
        return str

    def close_behind(self) -> None:
        """In the fork: give up what it has of its parent's, and the right to it."""

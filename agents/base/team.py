"""The interface of a team."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from .task import TaskRunner


class Team(TaskRunner):
    """Several agents that work on a task together. A team may be a member of another team."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Unique among the members of a team."""

    @property
    @abstractmethod
    def description(self) -> str:
        """What the team is good for."""

    @abstractmethod
    async def reset(self) -> None:
        """Forget everything; the next run starts afresh.

        Raises
        ------
        UsageError
            The team is running.
        """

    @abstractmethod
    async def pause(self) -> None:
        """Tell all members that the team is paused; what that means is theirs."""

    @abstractmethod
    async def resume(self) -> None:
        """Tell all members that the team goes on."""

    @abstractmethod
    async def save_state(self) -> Mapping[str, Any]:
        """Everything that is remembered, as JSON, as it was after the last complete turn."""

    @abstractmethod
    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state.

        Raises
        ------
        UsageError
            The team is running, or the state is of a different team.
        """

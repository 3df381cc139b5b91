"""What was said in a team, and how much of it each member knows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...sandbox.errors import UsageError
from ..messages import BaseAgentEvent, BaseChatMessage, MessageFactory

Entry = BaseAgentEvent | BaseChatMessage


class Conversation:
    """One thread for all; each member has a mark up to where it has heard.

    A member's mark moves when it has taken its turn, so what it said itself is behind it.
    """

    def __init__(self, members: Iterable[str], factory: MessageFactory) -> None:
        self.thread: list[Entry] = []
        self._heard = dict.fromkeys(members, 0)
        self._factory = factory

    def unheard(self, member: str) -> list[BaseChatMessage]:
        """What the others said since the member's last turn."""
        news = self.thread[self._heard[member] :]
        return [entry for entry in news if isinstance(entry, BaseChatMessage)]

    def mark(self, member: str) -> None:
        """The member knows everything now."""
        self._heard[member] = len(self.thread)

    def clear(self) -> None:
        self.thread.clear()
        self._heard = dict.fromkeys(self._heard, 0)

    def save(self) -> tuple[list[Mapping[str, Any]], Mapping[str, int]]:
        """The thread and the marks, as JSON."""
        return [entry.dump() for entry in self.thread], dict(self._heard)

    def load(self, thread: Sequence[Mapping[str, Any]], heard: Mapping[str, int]) -> None:
        """Go back to what :meth:`save` gave.

        Raises
        ------
        UsageError
            It is of other members, or holds a message of an unknown type.
        """
        if heard.keys() != self._heard.keys():
            raise UsageError(
                f"The saved state is of a team of {_names(heard)}; this one has "
                f"{_names(self._heard)}."
            )
        self.thread = [self._factory.create(entry) for entry in thread]
        self._heard = dict(heard)


def _names(members: Iterable[str]) -> str:
    return ", ".join(sorted(members)) or "nobody"

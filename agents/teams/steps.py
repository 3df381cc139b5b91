"""What a team decides between two turns."""

from dataclasses import dataclass

from ..messages import BaseAgentEvent, BaseChatMessage

Entry = BaseAgentEvent | BaseChatMessage


@dataclass(frozen=True, slots=True)
class Next:
    """These members speak now; several of them at the same time."""

    speakers: tuple[str, ...]
    said: Entry | None = None
    """What the team says to that; who is interrupted by it is still next."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of a turn, and of the run too if there is a reason."""

    reason: str | None
    said: Entry | None = None
    """What the team says to that."""


def is_transient(entry: Entry) -> bool:
    """True for pieces of what follows as a whole; they are not kept."""
    return isinstance(entry, BaseAgentEvent) and entry.transient

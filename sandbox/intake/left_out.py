"""What stands in the place of something that was not taken in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something a guest made that was not taken in."""

    why: str
    """The reason, as a clause for people: ``it is nested more than 100 levels deep``."""

    def __str__(self) -> str:
        return f"[left out: {self.why}]"

"""What is told while an image is pulled or built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class ImageProgress:
    """One step on the way to an image."""

    image: str
    step: str
    """What happens, in the engine's words, such as ``"Downloading"`` or a line of a build."""
    layer: str = ""
    """The part of the image it happens to, if it is one."""
    done: int | None = None
    """In bytes."""
    total: int | None = None
    """In bytes."""

    @classmethod
    def of_pull(cls, image: str, line: dict[str, Any]) -> ImageProgress:
        """From a line of the engine's ``POST /images/create``."""
        detail: dict[str, Any] = line.get("progressDetail") or {}
        return cls(
            image,
            str(line.get("status", "")),
            str(line.get("id", "")),
            detail.get("current"),
            detail.get("total"),
        )


if TYPE_CHECKING:
    OnProgress = Callable[[ImageProgress], None]

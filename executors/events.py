"""What an executor tells while code runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..sandbox.result import CodeResult, OutputEvent

if TYPE_CHECKING:
    from .block import CodeBlock


@dataclass(frozen=True, slots=True)
class ImageProgress:
    """One step on the way to an image: of its build, or of a pull before the first block."""

    image: str
    step: str
    """What happens, in the engine's words, such as ``"Downloading"`` or a line of a build."""
    layer: str = ""
    """The part of the image it happens to, if it is one."""
    done: int | None = None
    """In bytes."""
    total: int | None = None
    """In bytes."""


@dataclass(frozen=True, slots=True)
class BlockStarted:
    """Block number ``index`` (from 0) begins to run."""

    index: int
    block: CodeBlock


@dataclass(frozen=True, slots=True)
class BlockFinished:
    """Block number ``index`` ended, with a result of its own."""

    index: int
    result: CodeResult


ExecutionEvent = ImageProgress | BlockStarted | OutputEvent | BlockFinished

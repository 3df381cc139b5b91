"""What an executor tells while code runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..sandbox.result import CodeResult, OutputEvent

if TYPE_CHECKING:
    from .block import CodeBlock


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


ExecutionEvent = BlockStarted | OutputEvent | BlockFinished

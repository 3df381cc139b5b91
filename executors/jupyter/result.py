"""What running blocks in a kernel gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...sandbox.result import CodeResult

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class JupyterCodeResult(CodeResult):
    """A result with what only a kernel has; name and first field are AutoGen's."""

    output_files: tuple[Path, ...] = ()
    """The pictures the code displayed, as files of this host."""
    kernel_lost: bool = False
    """The kernel died or had to be killed: its variables are gone, and the next call starts a
    fresh one."""
    execution_count: int | None = None
    """Which execution of the kernel the last block was, from 1."""
    cell_outputs: tuple[dict[str, Any], ...] = ()
    """The outputs as a notebook has them (nbformat 4), in their order and as the kernel sent
    them: hostile (see :mod:`~sandcrew.sandbox.intake.forms`)."""

    def receipt(self) -> str:
        receipt = CodeResult.receipt(self)
        if self.kernel_lost:
            receipt += "; the kernel had to be replaced: all variables and imports are gone"
        return receipt

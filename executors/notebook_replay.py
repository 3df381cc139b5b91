"""Runs a notebook again, to have the state it had: code is all that a notebook keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..sandbox.errors import UsageError
from ..sandbox.session import Session
from .block import CodeBlock
from .jupyter.result import JupyterCodeResult
from .notebook import NotebookCell, as_python, dict_of, notebook_cells, text_of_lines
from .notebook_record import MAY_FAIL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..sandbox.result import CodeResult
    from .base import CodeExecutor


@dataclass(frozen=True, slots=True)
class Replay:
    """How a notebook went again. Cells are numbered as they stand in it, from 1, words included."""

    results: dict[int, CodeResult]
    """Of each cell that was run."""
    failed: int | None
    """The cell at which it ended, for it failed and is not tagged to be allowed to."""
    differing: tuple[int, ...]
    """Cells that printed or showed something else than the notebook has: time, chance, or files
    and hosts that are not here have part in them, so that what they left may be different too."""

    @property
    def restored(self) -> bool:
        """True when all cells ran and told what they had told before."""
        return self.failed is None and not self.differing


async def replay(data: bytes, target: CodeExecutor | Session) -> Replay:
    """Run the cells of a notebook in a session, or in an executor that keeps state.

    It stops at the first cell that fails and is not tagged ``raises-exception``. What the cells
    did outside of the interpreter, such as files in an earlier workspace, is only there again if
    they do it again.

    Raises
    ------
    UsageError
        This is no notebook, the executor keeps no state, or a cell uses what only IPython knows
        and this is a session.
    MissingExtra
        It is of an older format, and what converts it is not installed.
    BackendError
        The executor cannot be had.
    """
    if not isinstance(target, Session) and not target.stateful:
        raise UsageError(f"{type(target).__name__} keeps no state: take a session or a kernel.")
    results: dict[int, CodeResult] = {}
    differing: list[int] = []
    cells = notebook_cells(data)
    blocks = [_block(cell, target) for cell in cells]  # refused now, not in the middle
    for cell, block in zip(cells, blocks, strict=True):
        result = results[cell.number] = await _run(block, target)
        if cell.outputs and _told(cell.outputs) != _told(_outputs(result)):
            differing.append(cell.number)
        if result.exit_code and MAY_FAIL not in cell.tags:
            return Replay(results, cell.number, tuple(differing))
    return Replay(results, None, tuple(differing))


def _block(cell: NotebookCell, target: CodeExecutor | Session) -> CodeBlock:
    if not isinstance(target, Session):
        return CodeBlock(cell.code, cell.language)
    block = cell.without_magics()
    return CodeBlock(as_python(block), "python") if cell.language == "python" else block


async def _run(block: CodeBlock, target: CodeExecutor | Session) -> CodeResult:
    if isinstance(target, Session):
        return await target.run(block.code)
    return await target.execute_code_blocks([block])


def _told(outputs: Iterable[dict[str, Any]]) -> tuple[str, list[str]]:
    """What was printed, and the values that were shown, as text; not pictures, nor errors."""
    printed: list[str] = []
    values: list[str] = []
    for output in outputs:
        forms = dict_of(output.get("data"))
        if output.get("name") == "stdout":
            printed.append(text_of_lines(output.get("text")))
        elif forms and not any(kind.startswith("image/") for kind in forms):
            values.append(text_of_lines(forms.get("text/plain")))
    return "".join(printed), values


def _outputs(result: CodeResult) -> Sequence[dict[str, Any]]:
    if isinstance(result, JupyterCodeResult):
        return result.cell_outputs
    return [{"name": "stdout", "text": result.stdout}, *({"data": o.data} for o in result.outputs)]

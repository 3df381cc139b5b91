"""One block in a kernel: its time limit, its cancellation, its result."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...sandbox.errors import UsageError
from .describe import describe, pictures
from .notebook_outputs import notebook_outputs
from .outputs import Shown
from .result import JupyterCodeResult

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from ...sandbox.cgroup import Accounts
    from ...sandbox.result import CodeResult, OutputEvent
    from ...sandbox.workspace import Snapshot
    from .cell import Cell, Reason
    from .kernel import Kernel
    from .picture_files import PictureFiles

_DIED = "The kernel ended (exit code {}): its variables are gone. The next call starts a new one.\n"
_EXIT_SECONDS = 2.0
"""What a kernel has to end after ``exit()``."""


@dataclass(frozen=True, slots=True)
class _Start:
    """What there was before."""

    files: Snapshot
    time: float
    denials: int
    accounts: Accounts | None


class CellRun:
    """A block that runs, or is about to.

    Parameters
    ----------
    timeout:
        Seconds; ``None`` for no limit.
    limit:
        Characters of output to keep.
    files:
        Where copies of pictures go.
    """

    def __init__(
        self, kernel: Kernel, timeout: float | None, limit: int, files: PictureFiles
    ) -> None:
        self._kernel = kernel
        self._timeout = timeout
        self._limit = limit
        self._files = files
        self._cell: Cell | None = None
        self._ended: Reason | None = None
        self._loop = asyncio.get_running_loop()

    def end(self, reason: Reason) -> None:
        """Interrupt it, and kill the kernel if that does not help; returns at once."""
        self._ended = self._ended or reason
        if self._cell is not None:
            self._kernel.end(self._cell, self._ended)

    def cancel_from_any_thread(self) -> None:
        """As ``end("cancelled")``."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.end, "cancelled")

    async def stream(
        self, code: str, *, file: str | None = None, shell: bool = False
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]:
        """Run ``code``, which is also written to ``file`` of the workspace; the result comes last.

        Leaving the iteration interrupts the cell.

        Raises
        ------
        UsageError
            The file cannot be written; nothing ran.
        """
        workspace = self._kernel.placed.workspace
        before = workspace.snapshot()
        if file is not None:
            data = code.encode(errors="replace")
            await asyncio.to_thread(workspace.write_file, file, data)
        start = _Start(
            before, time.monotonic(), len(self._kernel.placed.denials), self._kernel.placed.accounts
        )
        cell = self._cell = self._kernel.begin(code, self._limit, shell=shell)
        if self._ended is not None:
            self._kernel.end(cell, self._ended)
        timer = self._loop.call_later(self._timeout, self.end, "timeout") if self._timeout else None
        try:
            async with aclosing(self._kernel.follow(cell)) as events:
                async for event in events:
                    yield event
        finally:
            if timer is not None:
                timer.cancel()
            await self._settle(cell)
        ending = await self._ending(cell)
        if ending is not None and cell.reason is None:
            words = _DIED.format(ending.exit_code)
            cell.outputs.printed("stderr", words)
            cell.tell(words, "stderr")
        for event in cell.last_events():
            yield event
        yield await self._result(cell, ending, start)

    async def _settle(self, cell: Cell) -> None:
        """Make sure that it does not run any more, however we got here."""
        if cell.over or not self._kernel.alive:
            return
        self._kernel.end(cell, "cancelled")
        settling = asyncio.ensure_future(self._kernel.settle(cell))
        try:
            await asyncio.shield(settling)
        except asyncio.CancelledError:
            await asyncio.wait([settling])
            raise

    async def _ending(self, cell: Cell) -> CodeResult | None:
        """How the kernel ended, if it did."""
        if cell.exiting:
            with suppress(TimeoutError):
                return await asyncio.wait_for(self._kernel.ended(), _EXIT_SECONDS)
        return None if self._kernel.alive else await self._kernel.ended()

    async def _result(
        self, cell: Cell, ending: CodeResult | None, start: _Start
    ) -> JupyterCodeResult:
        duration = time.monotonic() - start.time
        placed, outputs = self._kernel.placed, cell.outputs
        await placed.look_at_files()
        text, truncated = outputs.text(describe)
        shown = [item for item in outputs.items if isinstance(item, Shown) and item.file]
        files = await asyncio.to_thread(self._save_pictures, shown) if shown else ()
        exit_code, limit_hit = cell.exit_code, None
        if cell.reason == "timeout":
            limit_hit = "timeout"
        elif ending is not None and cell.reason is None:
            exit_code, limit_hit = ending.exit_code, ending.limit_hit
        return JupyterCodeResult(
            exit_code=exit_code,
            output=text,
            stdout=outputs.stdout,
            stderr=outputs.stderr,
            outputs=outputs.values,
            artifacts=placed.workspace.artifacts(start.files),
            timed_out=cell.reason == "timeout",
            cancelled=cell.reason == "cancelled",
            limit_hit=limit_hit,
            truncated=truncated,
            duration=duration,
            usage=placed.usage_since(start.accounts),
            denials=placed.denials[start.denials :],
            contacts=placed.contacts,
            isolation=placed.isolation,
            output_files=files,
            kernel_lost=ending is not None,
            execution_count=cell.count,
            cell_outputs=notebook_outputs(outputs, cell.count),
        )

    def _save_pictures(self, shown: list[Shown]) -> tuple[Path, ...]:
        """Put the pictures into the workspace, and copies where the caller wants them."""
        saved: list[Path] = []
        for name, data in pictures(shown):
            with suppress(UsageError, OSError):  # the guest has left no room
                self._kernel.placed.workspace.write_file(name, data)
            saved.append(self._files.save(name, data))
        return tuple(saved)

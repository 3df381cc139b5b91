"""An executor on one kernel, wherever that runs: its life, its turns, its blocks."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import fields
from itertools import chain
from typing import TYPE_CHECKING

from ...sandbox.errors import UsageError
from ...sandbox.result import EXIT_CANCELLED, CodeResult
from ..blockwise import refusal
from ..events import BlockFinished
from ..filename import block_filename
from ..user_functions import UserFunctionsExecutor
from .picture_files import PictureFiles
from .prelude import PRELUDE
from .result import JupyterCodeResult
from .run import CellRun
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
    from pathlib import Path

    from ...sandbox.result import Artifact, OutputEvent
    from ..block import CodeBlock
    from ..cancellation import CancellationToken
    from ..events import ExecutionEvent
    from ..functions import FuncSpec
    from .kernel import Kernel
    from .room import Room
    from .spec import KernelSpec

_SHELLS = ("bash", "sh")


class KernelExecutor(UserFunctionsExecutor):
    """Runs blocks as cells of a kernel of ``spec`` in ``room``.

    ``limit`` is in characters of output, ``timeout`` in seconds for each block.
    """

    stateful = True

    def __init__(
        self,
        spec: KernelSpec,
        room: Room,
        *,
        timeout: float | None,
        limit: int,
        output_dir: Path | str | None = None,
        functions: tuple[Sequence[FuncSpec], str] = ((), "functions"),
    ) -> None:
        super().__init__(*functions)
        self._spec = spec
        self._room = room
        self._timeout = timeout
        self._limit = limit
        self.languages = (spec.language, *(_SHELLS if spec.is_ipykernel else ()))
        self._answer_input: Callable[[str, bool], Awaitable[str]] | None = None
        self._pictures = PictureFiles(output_dir)
        self._turns = Turns()
        self._starting = asyncio.Lock()
        self._kernel: Kernel | None = None
        self._run: CellRun | None = None
        self._settled = False
        self._life = 0
        """Counts stops: a call that waited for its turn while one came does not run."""

    @property
    def timeout(self) -> float | None:
        """Seconds each block may take."""
        return self._timeout

    @property
    def kernel_name(self) -> str:
        """The name of the kernel's spec."""
        return self._spec.name

    @property
    def output_dir(self) -> Path:
        """Where copies of pictures are put."""
        return self._pictures.folder

    # --- life ---

    async def start(self) -> None:
        async with self._starting:
            if self._kernel is not None and not self._kernel.alive:
                await self._close_kernel()
            if self._kernel is None:
                await self._start_in_room()

    async def _start_in_room(self) -> None:
        try:
            await self._room.start()
            self._kernel = await self._start_kernel()
        except BaseException:
            if not self._settled:  # nobody has anything in there yet, or need stop us
                await asyncio.shield(self._room.close())
            raise
        self._settled = True

    async def stop(self) -> None:
        self._life += 1
        self._settled = False
        await self._close_kernel()
        await self._room.close()
        self._pictures.close()

    async def restart(self) -> None:
        """Start a new kernel: variables are gone, files stay."""
        self._life += 1
        await self._close_kernel()
        await self.start()

    async def _start_kernel(self) -> Kernel:
        from .kernel import Kernel  # with what jupyter_client needs

        placed = await self._room.launch(self._spec)
        kernel = Kernel(
            placed, by_message=self._spec.interrupt_mode == "message", answer=self._answer_input
        )
        try:
            await kernel.start()
            if self._spec.is_ipykernel:
                await kernel.run_silently(PRELUDE)
        except BaseException:
            await asyncio.shield(kernel.close())
            raise
        return kernel

    async def _close_kernel(self) -> None:
        kernel, self._kernel = self._kernel, None
        if self._run is not None:
            self._run.end("cancelled")
        if kernel is not None:
            await asyncio.shield(kernel.close())

    # --- files ---

    async def read_file(self, path: str) -> bytes:
        return await self._room.read_file(path)

    async def write_file(self, path: str, data: bytes) -> None:
        await self._room.write_file(path, data)

    async def list_files(self) -> list[Artifact]:
        return await self._room.list_files()

    # --- running ---

    async def stream(
        self,
        code_blocks: Sequence[CodeBlock],
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[ExecutionEvent | CodeResult, None]:
        life, results = self._life, list[CodeResult]()
        async with self._turns.turn(cancellation_token) as mine:
            if not mine or life != self._life:
                yield JupyterCodeResult(EXIT_CANCELLED, output="", cancelled=True)
                return
            async with aclosing(super().stream(code_blocks, cancellation_token)) as events:
                async for event in events:
                    if isinstance(event, BlockFinished):
                        results.append(event.result)
                    yield _joined(event, results) if isinstance(event, CodeResult) else event

    async def _run_block(
        self, block: CodeBlock, cancellation_token: CancellationToken | None
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]:
        kernel = self._kernel
        if kernel is None:  # stopped meanwhile
            yield JupyterCodeResult(EXIT_CANCELLED, output="", cancelled=True)
            return
        self._run = run = CellRun(kernel, self.timeout, self._limit, self._pictures)
        shell = block.language in _SHELLS and self._spec.language not in _SHELLS
        code = f"%%{block.language}\n{block.code}" if shell else block.code
        cancel = run.cancel_from_any_thread
        try:
            file = block_filename(block)
            if cancellation_token is not None:
                cancellation_token.add_callback(cancel)
            async with aclosing(run.stream(code, file=file, shell=shell)) as events:
                async for event in events:
                    yield event
        except UsageError as error:
            yield refusal(str(error))
        finally:
            self._run = None
            if cancellation_token is not None:
                cancellation_token.remove_callback(cancel)


def _joined(result: CodeResult, results: Sequence[CodeResult]) -> JupyterCodeResult:
    """The result of all blocks, with what each of them has that only kernels give."""
    ours = [each for each in results if isinstance(each, JupyterCodeResult)]
    return JupyterCodeResult(
        **{item.name: getattr(result, item.name) for item in fields(CodeResult)},
        output_files=tuple(chain.from_iterable(each.output_files for each in ours)),
        execution_count=ours[-1].execution_count if ours else None,
        kernel_lost=any(each.kernel_lost for each in ours),
        cell_outputs=tuple(chain.from_iterable(each.cell_outputs for each in ours)),
    )

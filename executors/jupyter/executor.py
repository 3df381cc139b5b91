"""Runs code blocks as cells of a Jupyter kernel."""

from __future__ import annotations

import asyncio
import warnings
from contextlib import aclosing
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...sandbox.errors import UsageError
from ...sandbox.output import DEFAULT_LIMIT
from ...sandbox.policy import Policy
from ...sandbox.result import EXIT_CANCELLED, CodeResult
from ..blockwise import refusal
from ..events import BlockFinished
from ..filename import block_filename
from ..user_functions import UserFunctionsExecutor
from .picture_files import PictureFiles
from .prelude import PRELUDE
from .result import JupyterCodeResult
from .room import LocalRoom, SandboxRoom, container_room, kernel_policy
from .run import CellRun
from .spec import find_kernel_spec
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from ...sandbox.result import Artifact, OutputEvent
    from ..block import CodeBlock
    from ..cancellation import CancellationToken
    from ..events import ExecutionEvent
    from ..functions import FuncSpec
    from .kernel import Kernel
    from .room import Room

Where = Literal["sandbox", "docker", "local"]

UNCONFINED = (
    "JupyterCodeExecutor(where='local') runs kernels on this host with all your rights: their code "
    "can read your keys and delete your files. Leave `where` out for code you did not write."
)
_SHELLS = ("bash", "sh")


class JupyterCodeExecutor(UserFunctionsExecutor):
    """Runs each block as a cell of one kernel, which keeps its variables from call to call.

    The kernel is confined by the sandbox unless ``where`` says otherwise, and so is what magics
    and shell lines (``%cd``, ``!ls``) do. One cell runs at a time; calls that overlap wait for
    their turn. A cell that is out of time or cancelled is interrupted, as by Ctrl-C, and the
    kernel lives on with its variables; one that does not obey is killed, and the next call starts
    a new kernel. A value of a cell is part of ``output``; its other forms are in ``outputs``.
    Pictures are saved in the workspace, and named in ``output``.

    Parameters
    ----------
    kernel_name:
        An installed kernel (``jupyter kernelspec list``). Blocks are to be in its language; a
        Python kernel also takes ``bash`` and ``sh``, as ``%%bash`` and ``%%sh`` cells.
    timeout:
        Seconds each block may take.
    output_dir:
        The folder for copies of pictures on this host, made if missing; by default a temporary
        one that :meth:`stop` removes.
    where:
        ``"sandbox"``, ``"docker"``, or ``"local"``, which confines nothing.
    policy:
        What the kernel may use; not for ``"local"``.
    work_dir:
        A folder of the host to be the workspace; by default a fresh one.
    image:
        For ``"docker"``: an image with ``ipykernel``; by default ours, ``jupyter``.
    answer_input:
        Answers ``input()``: gets the prompt and whether the answer is secret. Without it,
        ``input()`` raises in the cell.
    functions, functions_module:
        Functions of the caller that blocks can import, and the module they are in.

    Raises
    ------
    UsageError
        An option makes no sense.
    BackendUnavailable
        There is no such kernel; the message names those that are installed.
    MissingExtra
        The packages of the extra ``jupyter`` are not installed.
    """

    stateful = True

    def __init__(  # noqa: PLR0913 (AutoGen's three, and what it has no option for)
        self,
        kernel_name: str = "python3",
        timeout: float | None = None,
        output_dir: Path | str | None = None,
        *,
        where: Where = "sandbox",
        policy: Policy | None = None,
        work_dir: Path | str | None = None,
        image: str | None = None,
        answer_input: Callable[[str, bool], Awaitable[str]] | None = None,
        functions: Sequence[FuncSpec] = (),
        functions_module: str = "functions",
    ) -> None:
        super().__init__(functions, functions_module)
        if where == "local" and policy is not None:
            raise UsageError("where='local' confines nothing, so it takes no policy.")
        self._spec = find_kernel_spec(kernel_name)
        changes: dict[str, Any] = {"timeout": timeout, "workdir": work_dir}
        given = {key: value for key, value in changes.items() if value is not None}
        self.policy = (policy or Policy()).replace(**given)
        self.confined = where != "local"
        self.languages = (self._spec.language, *(_SHELLS if self._spec.is_ipykernel else ()))
        self._room = self._make_room(where, work_dir, image)
        self._answer_input = answer_input
        self._limit = DEFAULT_LIMIT if where == "local" else self.policy.output
        self._pictures = PictureFiles(output_dir)
        self._turns = Turns()
        self._starting = asyncio.Lock()
        self._kernel: Kernel | None = None
        self._run: CellRun | None = None
        self._settled = False
        self._life = 0
        """Counts stops: a call that waited for its turn while one came does not run."""

    def _make_room(self, where: Where, work_dir: Path | str | None, image: str | None) -> Room:
        if image is not None and where != "docker":
            raise UsageError("image is for where='docker'.")
        match where:
            case "sandbox":
                return SandboxRoom(kernel_policy(self.policy, self._spec))
            case "docker":
                return container_room(self.policy, self._spec, image)
            case "local":
                warnings.warn(UNCONFINED, UserWarning, stacklevel=3)
                return LocalRoom(None if work_dir is None else Path(work_dir).absolute())
            case _:
                raise UsageError(f"where={where!r}: write 'sandbox', 'docker' or 'local'.")

    @property
    def timeout(self) -> float | None:
        """Seconds each block may take."""
        return self.policy.timeout

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
        from .kernel import Kernel
        from .wire import connect

        placed = await self._room.launch(self._spec)
        kernel = Kernel(
            placed, by_message=self._spec.interrupt_mode == "message", answer=self._answer_input
        )
        try:
            await kernel.start(lambda listener: connect(placed, listener))
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

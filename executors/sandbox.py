"""Runs code blocks in the local sandbox: the default."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ..sandbox.errors import UsageError
from ..sandbox.language import languages
from ..sandbox.policy import Policy
from ..sandbox.sandbox import Sandbox
from .blockwise import refusal
from .filename import block_filename
from .user_functions import UserFunctionsExecutor

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from ..sandbox.result import Artifact, CodeResult, OutputEvent
    from .block import CodeBlock
    from .cancellation import CancellationToken
    from .functions import FuncSpec


class SandboxCodeExecutor(UserFunctionsExecutor):
    """Runs each block as a fresh process tree in one :class:`~sandcrew.sandbox.Sandbox`.

    The blocks share the workspace, which is private and in memory unless ``work_dir`` is given,
    and nothing else. Linux only; needs no root.

    Parameters
    ----------
    policy:
        What the code may use; the default has no network, one minute, 1 GiB a process.
    timeout:
        Seconds each block may take, instead of the policy's.
    work_dir:
        A folder of the host to be the workspace, instead of the policy's.
    functions, functions_module:
        Functions of the caller that blocks can import, and the module they are in.

    Raises
    ------
    UsageError
        An option makes no sense (:class:`PolicyError` where it is part of the policy).
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        timeout: float | None = None,
        work_dir: Path | str | None = None,
        functions: Sequence[FuncSpec] = (),
        functions_module: str = "functions",
    ) -> None:
        super().__init__(functions, functions_module)
        changes: dict[str, Any] = {"timeout": timeout, "workdir": work_dir}
        given = {key: value for key, value in changes.items() if value is not None}
        self.policy = (policy or Policy()).replace(**given)
        self.languages = tuple(languages())
        self._sandbox: Sandbox | None = None

    async def start(self) -> None:
        await self._started().start()

    async def stop(self) -> None:
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            await sandbox.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def read_file(self, path: str) -> bytes:
        return await self._started().read_file(path)

    async def write_file(self, path: str, data: bytes) -> None:
        await self._started().write_file(path, data)

    async def list_files(self) -> list[Artifact]:
        return await self._started().list_files()

    async def _run_block(
        self, block: CodeBlock, cancellation_token: CancellationToken | None
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]:
        sandbox = self._started()
        run = sandbox.new_run()
        try:
            file = block_filename(block)
            events = sandbox.stream(block.code, language=block.language, file=file, run=run)
        except UsageError as error:
            yield refusal(str(error))
            return
        if cancellation_token is not None:
            cancellation_token.add_callback(run.cancel)
        try:
            async with aclosing(events):
                async for event in events:
                    yield event
        finally:
            if cancellation_token is not None:
                cancellation_token.remove_callback(run.cancel)

    def _started(self) -> Sandbox:
        if self._sandbox is None:
            self._sandbox = Sandbox(self.policy)
        return self._sandbox

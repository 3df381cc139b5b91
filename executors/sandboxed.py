"""What executors share whose blocks run in a :class:`~sandcrew.sandbox.Sandbox`."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from ..sandbox.errors import UsageError
from ..sandbox.sandbox import Sandbox
from .blockwise import refusal
from .filename import block_filename
from .user_functions import UserFunctionsExecutor

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from ..sandbox.result import Artifact, CodeResult, OutputEvent
    from .block import CodeBlock
    from .cancellation import CancellationToken
    from .functions import FuncSpec


class Cancellable(Protocol):
    """A block that is about to run, or runs."""

    def cancel(self) -> None: ...


class Place(Protocol):
    """What such an executor needs of a :class:`~sandcrew.sandbox.Sandbox`."""

    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def languages(self) -> tuple[str, ...]: ...
    def new_run(self) -> Cancellable: ...
    def stream(
        self, code: str, *, language: str, file: str | None, run: Any
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]: ...
    async def read_file(self, path: str) -> bytes: ...
    async def write_file(self, path: str, data: bytes) -> None: ...
    async def list_files(self) -> list[Artifact]: ...


class SandboxedExecutor(UserFunctionsExecutor):
    """Runs each block as a fresh process tree of one sandbox; where that is, a subclass says."""

    def __init__(
        self, functions: Sequence[FuncSpec] = (), functions_module: str = "functions"
    ) -> None:
        super().__init__(functions, functions_module)
        self._sandbox: Place | None = None

    @property
    def sandbox(self) -> Sandbox:
        """Where its blocks run, for runs, sessions and branches of your own; it ends with this.

        Raises
        ------
        UsageError
            It is not started; or blocks are all that can run there, as in an image without Python.
        """
        if self._sandbox is None:
            raise UsageError("The executor is not started: await start(), or use `async with`.")
        if not isinstance(self._sandbox, Sandbox):
            raise UsageError(
                "There can be only blocks: sessions in a container need an image with Python 3.9 "
                "or later, on an engine of this machine."
            )
        return self._sandbox

    @abstractmethod
    def _make_sandbox(self) -> Place:
        """The sandbox for the time from a start to a stop; not started."""

    def _file_of(self, block: CodeBlock) -> str | None:
        """The file of the workspace a block is put in, if it names one.

        Raises
        ------
        UsageError
            The name leaves the workspace.
        """
        return block_filename(block)

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

    async def open_file(self, path: str) -> BinaryIO:
        place = self._started()
        if isinstance(place, Sandbox):
            return await place.open_file(path)
        return await super().open_file(path)

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
            file = self._file_of(block)
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

    def _started(self) -> Place:
        if self._sandbox is None:
            self._sandbox = self._make_sandbox()
        return self._sandbox

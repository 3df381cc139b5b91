"""Runs code blocks as commands of this host, with all the rights of the caller."""

from __future__ import annotations

import asyncio
import time
import warnings
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from ..sandbox.errors import UsageError
from ..sandbox.output import OutputCollector
from ..sandbox.result import EXIT_CANCELLED, EXIT_TIMEOUT, Artifact, CodeResult, OutputEvent
from .blockwise import refusal
from .command_line import CommandLineCodeResult, command, installed_languages
from .local_place import BlockFile, Place, environment, interpreter
from .supervised import SupervisedProcess
from .user_functions import UserFunctionsExecutor

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from types import SimpleNamespace

    from .block import CodeBlock
    from .cancellation import CancellationToken
    from .functions import FuncSpec

UNCONFINED = (
    "LocalCommandLineCodeExecutor runs code on this host with all your rights: it can read your "
    "keys and delete your files. Use SandboxCodeExecutor for code you did not write yourself."
)


class LocalCommandLineCodeExecutor(UserFunctionsExecutor):
    """Runs code blocks on the host itself, **unconfined**; name and options are AutoGen's.

    Everything a block started is killed when the block ends, daemons included, and also when
    this process dies.

    Parameters
    ----------
    timeout:
        Seconds each block may take.
    work_dir:
        The working directory of the code, made if missing; by default a temporary one that
        :meth:`stop` removes.
    functions:
        Functions that blocks can import, see :class:`UserFunctionsExecutor`.
    functions_module:
        The module they import them from.
    cleanup_temp_files:
        If false, the file of each block is left in ``work_dir`` as ``tmp_code_….py``.
    virtual_env_context:
        The virtual environment whose Python is used, from
        :meth:`venv.EnvBuilder.ensure_directories`.

    Raises
    ------
    UsageError
        An option makes no sense.
    """

    confined = False

    def __init__(
        self,
        timeout: float = 60,
        work_dir: Path | str | None = None,
        functions: Sequence[FuncSpec] = (),
        functions_module: str = "functions",
        cleanup_temp_files: bool = True,
        virtual_env_context: SimpleNamespace | None = None,
    ) -> None:
        warnings.warn(UNCONFINED, UserWarning, stacklevel=2)
        super().__init__(functions, functions_module)
        if not timeout > 0:
            raise UsageError(f"timeout={timeout!r}: a time limit is a positive number of seconds.")
        self.languages = installed_languages()
        self._timeout = timeout
        self._work_dir = None if work_dir is None else Path(work_dir).absolute()
        self._keep_files = not cleanup_temp_files
        self._python, self._bin = interpreter(virtual_env_context)
        self._place: Place | None = None
        self._runs: set[_Run] = set()

    @property
    def timeout(self) -> float:
        """Seconds each block may take."""
        return self._timeout

    @property
    def work_dir(self) -> Path:
        """Where the code runs; a temporary one exists between :meth:`start` and :meth:`stop`."""
        return self._work_dir if self._work_dir is not None else self._started().work_dir

    @property
    def cleanup_temp_files(self) -> bool:
        """Whether the files of blocks that were not given a name are removed."""
        return not self._keep_files

    async def start(self) -> None:
        if self._place is None:
            self._place = Place.make(self._work_dir)

    async def stop(self) -> None:
        place, self._place = self._place, None
        runs = list(self._runs)
        for run in runs:
            run.end("cancelled")
        for run in runs:
            await run.process.dead()
        if place is not None:
            await asyncio.to_thread(place.remove)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def read_file(self, path: str) -> bytes:
        return await asyncio.to_thread(self._started().workspace.read_file, path)

    async def open_file(self, path: str) -> BinaryIO:
        return await asyncio.to_thread(self._started().workspace.open_file, path)

    async def write_file(self, path: str, data: bytes) -> None:
        await asyncio.to_thread(self._started().workspace.write_file, path, data)

    async def list_files(self) -> list[Artifact]:
        return await asyncio.to_thread(self._started().workspace.list_files)

    def _started(self) -> Place:
        if self._place is None:
            raise UsageError("The executor is not started: await start(), or use `async with`.")
        return self._place

    async def _run_block(
        self, block: CodeBlock, cancellation_token: CancellationToken | None
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]:
        with self._started().opened() as place:
            try:
                file = place.save(block, keep=self._keep_files)
            except UsageError as error:
                yield refusal(str(error))
                return
            try:
                async with aclosing(self._run_file(file, place, cancellation_token)) as events:
                    async for event in events:
                        yield event
            finally:
                if file.temporary:
                    file.path.unlink(missing_ok=True)

    async def _run_file(
        self, file: BlockFile, place: Place, token: CancellationToken | None
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]:
        before = await asyncio.to_thread(place.workspace.snapshot)
        collector, began = OutputCollector(), time.monotonic()
        async with self._running(file, place, token) as run, aclosing(run.process.output()) as out:
            async for stream, data in out:
                if event := collector.feed(stream, data):
                    yield event
            for event in collector.finish():
                yield event
            ending = await run.process.ending()
        reason = run.reason if ending.killed else None
        yield CommandLineCodeResult(
            exit_code=_EXIT_CODES[reason] if reason else ending.exit_code,
            output=collector.output,
            stdout=collector.stdout,
            stderr=collector.stderr,
            artifacts=await asyncio.to_thread(place.workspace.artifacts, before),
            timed_out=reason == "timeout",
            cancelled=reason == "cancelled",
            limit_hit="timeout" if reason == "timeout" else None,
            truncated=collector.truncated,
            duration=time.monotonic() - began,
            usage=ending.usage,
            code_file=str(file.path),
        )

    @asynccontextmanager
    async def _running(
        self, file: BlockFile, place: Place, token: CancellationToken | None
    ) -> AsyncGenerator[_Run, None]:
        """The running program; dead and forgotten on the way out."""
        loop = asyncio.get_running_loop()
        argv = command(file.language, str(file.path), python=self._python)
        variables = environment(place.work_dir, self._bin)
        run = _Run(await SupervisedProcess.start(argv, cwd=str(place.work_dir), env=variables))

        def cancel() -> None:
            loop.call_soon_threadsafe(run.end, "cancelled")

        self._runs.add(run)
        if self._place is None or self._place.private != place.private:
            run.end("cancelled")  # stop() came before it could see this run
        timer = loop.call_later(self._timeout, run.end, "timeout")
        if token is not None:
            token.add_callback(cancel)
        try:
            yield run
        finally:
            if token is not None:
                token.remove_callback(cancel)
            timer.cancel()
            self._runs.discard(run)
            await run.process.close()


Reason = Literal["timeout", "cancelled"]
_EXIT_CODES: dict[Reason, int] = {"timeout": EXIT_TIMEOUT, "cancelled": EXIT_CANCELLED}


class _Run:
    """A running program and why we ended it, if we did."""

    def __init__(self, process: SupervisedProcess) -> None:
        self.process = process
        self.reason: Reason | None = None

    def end(self, reason: Reason) -> None:
        self.reason = self.reason or reason
        self.process.kill()

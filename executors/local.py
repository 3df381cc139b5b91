"""Runs code blocks as commands of this host, with all the rights of the caller."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sys
import tempfile
import time
import warnings
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from ..sandbox.errors import UsageError
from ..sandbox.output import OutputCollector
from ..sandbox.result import EXIT_CANCELLED, EXIT_TIMEOUT, Artifact, CodeResult, OutputEvent
from ..sandbox.workspace import Workspace
from .blockwise import refusal
from .command_line import SUFFIXES, CommandLineCodeResult, command, installed_languages
from .filename import block_filename
from .supervised import SupervisedProcess
from .user_functions import UserFunctionsExecutor

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence
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

    confined: ClassVar[bool] = False

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
        self._python, self._bin = _interpreter(virtual_env_context)
        self._place: _Place | None = None
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
            self._place = _Place.make(self._work_dir)

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

    async def write_file(self, path: str, data: bytes) -> None:
        await asyncio.to_thread(self._started().workspace.write_file, path, data)

    async def list_files(self) -> list[Artifact]:
        return await asyncio.to_thread(self._started().workspace.list_files)

    def _started(self) -> _Place:
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
        self, file: _BlockFile, place: _Place, token: CancellationToken | None
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
        self, file: _BlockFile, place: _Place, token: CancellationToken | None
    ) -> AsyncGenerator[_Run, None]:
        """The running program; dead and forgotten on the way out."""
        loop = asyncio.get_running_loop()
        argv = command(file.language, str(file.path), python=self._python)
        environment = _environment(place.work_dir, self._bin)
        run = _Run(await SupervisedProcess.start(argv, cwd=str(place.work_dir), env=environment))

        def cancel() -> None:
            loop.call_soon_threadsafe(run.end, "cancelled")

        self._runs.add(run)
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


@dataclass(frozen=True, slots=True)
class _BlockFile:
    path: Path
    language: str
    temporary: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """The folders of a started executor."""

    work_dir: Path
    private: Path
    """Holds the files of nameless blocks in ``blocks``, and the workspace if it is temporary."""
    workspace: Workspace

    @classmethod
    def make(cls, work_dir: Path | None) -> _Place:
        private = Path(tempfile.mkdtemp(prefix="sandcrew-local-"))
        (private / "blocks").mkdir()
        folder = private / "workspace" if work_dir is None else work_dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(folder, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            shutil.rmtree(private)
            raise UsageError(f"work_dir {str(folder)!r} cannot be used: {error}.") from error
        return cls(folder, private, Workspace(fd))

    @contextmanager
    def opened(self) -> Generator[_Place, None, None]:
        """The same with a descriptor of its own, which outlives a :meth:`remove` meanwhile."""
        fd = os.dup(self.workspace.dir_fd)
        try:
            yield replace(self, workspace=Workspace(fd))
        finally:
            os.close(fd)

    def save(self, block: CodeBlock, *, keep: bool) -> _BlockFile:
        """Write a block to a file of its own, or to the one it names, which stays."""
        # A lone surrogate, which JSON can carry, has no place in a file.
        data = block.code.encode(errors="replace")
        name = block_filename(block)
        if name is None:
            unique = f"tmp_code_{secrets.token_hex(16)}{SUFFIXES[block.language]}"
            if not keep:
                path = self.private / "blocks" / unique
                path.write_bytes(data)
                return _BlockFile(path, block.language, temporary=True)
            name = unique
        self.workspace.write_file(name, data)
        return _BlockFile(self.work_dir / name, block.language, temporary=False)

    def remove(self) -> None:
        os.close(self.workspace.dir_fd)
        shutil.rmtree(self.private, ignore_errors=True)


def _interpreter(context: SimpleNamespace | None) -> tuple[str, str | None]:
    """The Python to run, and the folder to put in front of ``PATH``."""
    if context is None:
        return sys.executable, None
    try:
        return str(context.env_exe), str(context.bin_path)
    except AttributeError as error:
        raise UsageError(
            "virtual_env_context is what venv.EnvBuilder().ensure_directories(path) returns."
        ) from error


def _environment(work_dir: Path, bin_path: str | None) -> dict[str, str]:
    """The caller's environment; modules of the workspace can be imported."""
    environment = dict(os.environ)
    _prepend(environment, "PYTHONPATH", str(work_dir))
    if bin_path is not None:
        _prepend(environment, "PATH", bin_path)
    return environment


def _prepend(environment: dict[str, str], name: str, folder: str) -> None:
    rest = environment.get(name)
    environment[name] = f"{folder}{os.pathsep}{rest}" if rest else folder

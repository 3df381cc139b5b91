"""The sandbox: a confined place for code nobody trusts."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from .errors import UsageError
from .language import find_language
from .launcher import launch as launch_here
from .policy import Policy
from .result import CodeResult
from .runs import Run
from .session import Session, SessionOptions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
    from types import TracebackType

    from .cell import OnInput
    from .language import Language
    from .process import Process
    from .result import Artifact, OutputEvent
    from .sync import SyncSandbox
    from .zygote import Zygote

MAX_CODE = 64 << 20
"""Largest program, in bytes."""


class Sandbox:
    """Runs programs confined, as :class:`Policy` says. Linux only; needs no root.

    Each run is a fresh process tree; the workspace is shared by all runs and lives as long as
    the sandbox. Runs may overlap. The sandbox starts by itself at the first use; ``async with``
    also ends it, and it ends in any case when the process that made it does.

    ``launch`` starts the fork server; by default on this machine, in namespaces or behind Landlock.

    >>> async with Sandbox(Policy(timeout=10)) as box:
    ...     result = await box.run("print(1 + 1)")

    Without ``async`` the methods wait, in any thread: ``with Sandbox() as box`` gives a
    :class:`~.sync.SyncSandbox`.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        launch: Callable[[Policy], Awaitable[Zygote]] = launch_here,
    ) -> None:
        self.policy = policy or Policy()
        self._launch = launch
        self._zygote: Zygote | None = None
        self._closed = False
        self._runs: set[Run] = set()
        self._sessions: set[Session] = set()
        self._starting: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    async def start(self) -> None:
        """Get ready for runs; does nothing when it is.

        Raises
        ------
        BackendUnavailable
            This host cannot give what the policy asks for.
        """
        await self._ready()

    async def languages(self) -> tuple[str, ...]:
        """What it can run, by canonical name."""
        return tuple((await self._ready()).languages)

    async def close(self) -> None:
        """Kill what runs, and remove everything; idempotent, bounded in time."""
        self._closed = True
        for run in self._runs:
            run.cancel()
        await asyncio.shield(self._end())  # to the end, even if whoever closes is cancelled

    async def run(
        self,
        code: str,
        *,
        language: str = "python",
        file: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> CodeResult:
        """Run ``code`` in a fresh interpreter and return what it did.

        Parameters
        ----------
        language:
            A canonical name: ``"python"``, ``"bash"``, ``"sh"``, ``"javascript"``.
        file:
            Where in the workspace to put the code and run it from; by default it is put outside.
        env:
            Environment variables on top of the policy's.
        timeout:
            Seconds of wall time, instead of the policy's.

        Raises
        ------
        UsageError
            Unknown language, a path outside the workspace, a program over 64 MiB.
        BackendError
            The backend failed, not the program.
        """
        result: CodeResult | None = None
        events = self.stream(code, language=language, file=file, env=env, timeout=timeout)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, CodeResult):
                    result = event
        assert result is not None
        return result

    async def stream(
        self,
        code: str,
        *,
        language: str = "python",
        file: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        run: Run | None = None,
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]:
        """As :meth:`run`, telling the output as it is printed; the result comes last.

        Leaving the iteration kills the program. ``run`` is a :meth:`new_run` by which somebody
        else can cancel it.
        """
        run = run or self.new_run(timeout=timeout)
        extra: Mapping[str, str] = Policy(env=env).env if env else {}
        zygote = await self._ready()
        how = find_language(language, zygote.languages)
        program, body = _program(code, how, file)
        program["env"] = {**zygote.environment, **extra}
        program["address_space"] = None if how.reserves else zygote.address_space
        self._runs.add(run)
        events = run.stream((program, body), zygote)
        try:
            async with aclosing(events):
                async for event in events:
                    yield event
        finally:
            self._runs.discard(run)

    def session(
        self,
        *,
        language: str = "python",
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        lifetime: float | None = None,
        on_input: OnInput | None = None,
    ) -> Session:
        """A live interpreter, for use with ``async with``.

        Parameters
        ----------
        language:
            ``"python"`` or ``"bash"``.
        env:
            Environment variables on top of the policy's.
        timeout:
            Seconds of wall time of one cell, instead of the policy's.
        lifetime:
            Seconds of wall time of the whole session; ``None`` for no limit.
        on_input:
            Called with the prompt when a cell asks for ``input()``; returns the answer, or an
            awaitable of it. Without it, or for ``None``, the cell gets an ``EOFError``.
        """
        limit = self.policy.timeout if timeout is None else Policy(timeout=timeout).timeout
        options = SessionOptions(
            language=language,
            env=Policy(env=env).env if env else {},
            timeout=limit,
            lifetime=Policy(timeout=lifetime).timeout,
            on_input=on_input,
            output=self.policy.output,
            alive=self._sessions,
        )
        return Session(self._ready, options)

    def new_run(self, *, timeout: float | None = None) -> Run:
        """A run to hand to :meth:`stream`, whose ``cancel()`` ends the program."""
        limit = self.policy.timeout if timeout is None else Policy(timeout=timeout).timeout
        return Run(timeout=limit, output=self.policy.output)

    async def start_process(
        self, code: str, *, language: str = "python", env: Mapping[str, str] | None = None
    ) -> Process:
        """Start a program that lives until it ends or :meth:`.Process.close` is called.

        It has no time limit. Raises as :meth:`run` does.
        """
        from .process import Process  # most callers need none

        zygote = await self._ready()
        process = Process(self.policy.output)
        events = self.stream(code, language=language, env=env, run=process)
        await process.follow(events, zygote.workspace)
        return process

    async def write_file(self, path: str, data: bytes | str) -> None:
        """Put a file into the workspace, making the folders above it.

        Raises
        ------
        UsageError
            The path leaves the workspace or goes through a link.
        """
        body = data.encode() if isinstance(data, str) else data
        zygote = await self._ready()
        await asyncio.to_thread(zygote.workspace.write_file, path, body)

    async def read_file(self, path: str) -> bytes:
        """The content of a regular file of the workspace, up to 256 MiB.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        UsageError
            The path leaves the workspace or is not a regular file.
        """
        zygote = await self._ready()
        return await asyncio.to_thread(zygote.workspace.read_file, path)

    async def open_file(self, path: str) -> BinaryIO:
        """A regular file of the workspace, of any size, open for reading; the caller closes it.

        Raises
        ------
        FileNotFoundError, UsageError
            As of :meth:`read_file`.
        """
        zygote = await self._ready()
        return await asyncio.to_thread(zygote.workspace.open_file, path)

    async def list_files(self) -> list[Artifact]:
        """The regular files of the workspace, by path."""
        zygote = await self._ready()
        return await asyncio.to_thread(zygote.workspace.list_files)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __enter__(self) -> SyncSandbox:
        from .sync import SyncSandbox  # starts a thread, which who awaits does not need

        self._sync = SyncSandbox(self)
        return self._sync

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._sync.close()

    # --- inside ---

    async def _end(self) -> None:
        zygote, self._zygote = self._zygote, None
        try:
            await asyncio.gather(*(session.close() for session in self._sessions))
        finally:
            if zygote is not None:
                await zygote.close()

    async def _ready(self) -> Zygote:
        async with self._start_lock():
            if self._closed:
                raise UsageError("This sandbox is closed; make a new one.")
            if self._zygote is not None and not self._zygote.alive:
                await self._zygote.close()
                self._zygote = None
            if self._zygote is None:
                zygote = await self._launch(self.policy)
                if self._closed:  # meanwhile
                    await zygote.close()
                    raise UsageError("This sandbox is closed; make a new one.")
                self._zygote = zygote
            self._zygote.attach()
            return self._zygote

    def _start_lock(self) -> asyncio.Lock:
        """One lock for each event loop that this sandbox is used on, one after another."""
        loop = asyncio.get_running_loop()
        if self._starting is None or self._starting[0] is not loop:
            if self._starting is not None and self._starting[0].is_closed():
                self._runs.clear()  # abandoned with their loop
                self._sessions.clear()
            if self._runs or self._sessions:
                raise UsageError("This sandbox is in use on another event loop; make one for each.")
            self._starting = (loop, asyncio.Lock())
        return self._starting[1]


def _program(code: str, how: Language, file: str | None) -> tuple[dict[str, Any], bytes]:
    body = code.encode("utf-8", "surrogatepass")
    if len(body) > MAX_CODE:
        raise UsageError(f"A program of {len(body):,} bytes is over the limit of {MAX_CODE:,}.")
    path = f"/workspace/{_inside(file)}" if file else f"/tmp/main{how.suffix}"  # noqa: S108
    argv = [part.format(file=path) for part in how.argv]
    return {"kind": "program", "argv": argv, "file": path, "stdin": how.stdin}, body


def _inside(file: str) -> str:
    parts = PurePosixPath(file).parts
    if not parts or file.startswith("/") or ".." in parts or not file.isprintable():
        raise UsageError(f"{file!r} is not the name of a file in the workspace.")
    return str(PurePosixPath(*parts))

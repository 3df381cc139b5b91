"""A container without our guest, for images without Python and engines on other machines.

Each block is a command by the engine's ``exec``, one at a time, under the same limits; what it
leaves running is killed with it. No sessions, and files by the container's own tools.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from ...sandbox.environment import base_environment, has_proxy
from ...sandbox.errors import (
    BackendCrashed,
    BackendError,
    BackendUnavailable,
    PolicyError,
    UsageError,
)
from ...sandbox.output import OutputCollector
from ...sandbox.result import EXIT_CANCELLED, EXIT_TIMEOUT, CodeResult, OutputEvent
from ..command_line import SUFFIXES, command
from .container import Container
from .engine import Engine
from .exec_command import ExecCommand, Hijacked
from .exec_files import ExecFiles, artifacts
from .identity import container_user
from .images import default_image, ensure_image, environment_of
from .limits import require_limits
from .options import WORKSPACE
from .reaper import reap
from .settings import isolation, settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ...sandbox.policy import Policy
    from ...sandbox.result import Artifact
    from .options import ContainerOptions
    from .progress import OnProgress

_KEEPER = ["sh", "-c", "read _"]
"""Keeps the container until its input closes: when its owner says so, or is no more."""
_KEEPERS_USER = (65534, 65534)
"""Another than the code's, which so cannot end it."""
_RUN = """
rm -rf /tmp/* /tmp/.[!.]* /dev/shm/* 2>/dev/null
umask 022
case $2 in */*) mkdir -p "${2%/*}" || exit 126;; esac
head -c "$1" >"$2" || exit 126
shift 2
"$@" </dev/null
code=$?
kill -9 -1 2>/dev/null
exit $code
"""
"""Takes the code from its input, runs it, and kills what is left of it (kill(2), pid -1)."""
_END = 2.0
"""Seconds in which the output of a killed command ends."""

Verdict = Literal["timeout", "cancelled"]


class ExecRun:
    """A block that is about to run, runs, or has run; :meth:`cancel` from any thread."""

    def __init__(self, timeout: float | None) -> None:
        self.timeout = timeout
        self.verdict: Verdict | None = None
        self.decided = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def cancel(self) -> None:
        """Kill the program; its result says that it was cancelled."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self.decide, "cancelled")

    def decide(self, verdict: Verdict) -> None:
        self.verdict = self.verdict or verdict
        self.decided.set()


class ExecSandbox:
    """What the executor needs of a sandbox, by ``exec``."""

    def __init__(
        self, policy: Policy, options: ContainerOptions, on_progress: OnProgress | None
    ) -> None:
        if has_proxy(policy):
            raise PolicyError(
                "network: a list of hosts needs our guest in the container, and so an image with "
                "Python 3.9 or later, on an engine of this machine."
            )
        self._policy = policy
        self._options = options
        self._on_progress = on_progress
        self._user = _KEEPERS_USER  # until the engine is known
        self._files = ExecFiles(self._ask)
        self._starting, self._turn = asyncio.Lock(), asyncio.Lock()
        self._engine: Engine | None = None
        self._container: Container | None = None
        self._input: Hijacked | None = None
        self._environment: dict[str, str] = {}
        self._languages: tuple[str, ...] = ()
        self._isolation: tuple[str, ...] = ()
        self._runs: set[ExecRun] = set()

    async def start(self) -> None:
        """Start a container, if there is none that runs."""
        async with self._starting:
            if self._container is not None and await self._container.is_running():
                return
            await self._end()
            try:
                await self._start()
            except BaseException:
                await asyncio.shield(self._end())
                raise

    async def close(self) -> None:
        for run in self._runs:
            run.decide("cancelled")
        await asyncio.shield(self._end())

    async def languages(self) -> tuple[str, ...]:
        return self._languages

    def new_run(self) -> ExecRun:
        return ExecRun(self._policy.timeout)

    async def stream(
        self, code: str, *, language: str, file: str | None, run: ExecRun
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]:
        """Run a block; its output as it comes, the result last. One runs at a time."""
        await self.start()
        self._runs.add(run)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(run.timeout, run.decide, "timeout") if run.timeout else None
        try:
            async with self._turn:
                async for event in self._stream(code.encode(errors="replace"), language, file, run):
                    yield event
        except BackendError as error:
            if self._container is None or await self._container.is_running():
                raise
            raise BackendCrashed(
                "The container ended unexpectedly; the next call starts a new one."
            ) from error
        finally:
            self._runs.discard(run)
            if timer is not None:
                timer.cancel()

    async def read_file(self, path: str) -> bytes:
        await self.start()
        return await self._files.read_file(path)

    async def write_file(self, path: str, data: bytes | str) -> None:
        await self.start()
        await self._files.write_file(path, data.encode() if isinstance(data, str) else data)

    async def list_files(self) -> list[Artifact]:
        await self.start()
        return list(artifacts(await self._files.states(), {}))

    # --- inside ---

    async def _start(self) -> None:
        options, policy = self._options, self._policy
        self._engine = engine = await Engine.connect()
        self._user = container_user(engine).inside
        await reap(engine)
        name = options.image or await default_image(engine)
        image = await ensure_image(engine, name, options.platform, self._on_progress)
        folder = options.bind_dir or (str(policy.workdir) if policy.workdir else None)
        options = replace(options, image=name)
        body = settings(policy, options, self._user, _KEEPER, None, folder)
        body["User"] = "{}:{}".format(*_KEEPERS_USER)
        self._container = await Container.create(engine, options.new_name(), body, options.platform)
        stream = await engine.call(
            "attach to a container",
            engine.client.attach_socket,
            self._container.id,
            params={"stdin": 1, "stream": 1},
        )
        self._input = Hijacked(stream)
        await self._container.start()
        # The engine's number of a process is one of this host if the engine is this user's own.
        pid = await self._container.pid() if engine.rootless else 0
        self._isolation = isolation(
            policy,
            options,
            rootless=engine.rootless,
            limited=require_limits(pid, body, policy),
        )
        environment = environment_of(image)
        self._environment = {
            **environment,
            **base_environment(policy, environment.get("PATH", "/usr/local/bin:/usr/bin:/bin")),
        }
        with contextlib.suppress(BackendError):  # without a shell it has ended by itself
            if engine.is_podman:  # which gives the folders in memory to the keeper
                places = body["HostConfig"]["Tmpfs"]
                await self._ask('chmod 1777 "$@"', *places, user=_KEEPERS_USER)
            self._languages = await self._find_languages()
        if not self._languages:
            raise BackendUnavailable(
                f"the image {name!r}",
                why=f"it has neither the interpreter {options.python!r} nor a shell",
                remedy="Take an image with one of them.",
            )
        if options.init_command:
            await self._initialise(options.init_command)

    async def _end(self) -> None:
        container, self._container = self._container, None
        engine, self._engine = self._engine, None
        source, self._input = self._input, None
        try:
            if container is not None:
                await container.end(remove=self._options.auto_remove)
        finally:
            if source is not None:
                source.close()
            if engine is not None:
                engine.close()

    async def _find_languages(self) -> tuple[str, ...]:
        programs = {"python": self._options.python, "javascript": "node", "powershell": "pwsh"}
        wanted = {name: programs.get(name, name) for name in SUFFIXES}
        script = 'for name; do command -v "$name" >/dev/null && echo "$name"; done; :'
        _, text = await self._ask(script, *wanted.values())
        found = text.decode("utf-8", "replace").split("\n")
        return tuple(name for name, program in wanted.items() if program in found)

    async def _initialise(self, text: str) -> None:
        code, output = await self._ask('exec sh -c "$1" 2>&1', text)
        if code:
            tail = output.decode("utf-8", "replace").strip()[-1000:]
            raise UsageError(f"init_command: it failed (exit code {code}):\n{tail}")

    async def _ask(
        self,
        script: str,
        *arguments: str,
        stdin: bytes = b"",
        limit: int = 1 << 20,
        user: tuple[int, int] | None = None,
    ) -> tuple[int, bytes]:
        argv = ["sh", "-c", script, "sh", *arguments]
        running = await self._exec(user or self._user, argv, stdin)
        output = bytearray()
        try:
            async for stream, data in running.output():
                if stream == "stdout" and len(output) < limit:
                    output += data
            return await running.exit_code(), bytes(output[:limit])
        finally:
            running.close()

    async def _exec(self, user: tuple[int, int], argv: list[str], stdin: bytes) -> ExecCommand:
        assert self._container is not None
        return await ExecCommand.start(
            self._container,
            argv,
            user="{}:{}".format(*user),
            workdir=WORKSPACE,
            environment=self._environment,
            stdin=stdin,
        )

    async def _stream(
        self, code: bytes, language: str, file: str | None, run: ExecRun
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]:
        collector = OutputCollector(self._policy.output)
        if run.verdict is not None:
            yield self._result(run, 0, collector, 0.0, ())
            return
        before = await self._files.states()
        path = file or f"/tmp/main{SUFFIXES[language]}"  # noqa: S108
        argv = command(language, path, python=self._options.python)
        started = time.monotonic()
        argv = ["sh", "-c", _RUN, "sh", str(len(code)), path, *argv]
        running = await self._exec(self._user, argv, code)
        ended = False
        try:
            async for stream, data in _until(running, run):
                if event := collector.feed(stream, data):
                    yield event
            ended = run.verdict is None
        finally:
            try:
                if not ended:
                    await asyncio.shield(self._kill_all())
                exit_code = await running.exit_code() if ended else 0
            finally:
                running.close()
        for event in collector.finish():
            yield event
        alive = self._container is not None
        files = artifacts(await self._files.states(), before) if alive else ()
        yield self._result(run, exit_code, collector, time.monotonic() - started, files)

    async def _kill_all(self) -> None:
        """Kill all processes of the code's user; the keeper is another's."""
        if self._container is not None:
            await self._ask("kill -9 -1")

    def _result(
        self,
        run: ExecRun,
        exit_code: int,
        collector: OutputCollector,
        duration: float,
        files: tuple[Artifact, ...],
    ) -> CodeResult:
        codes = {"timeout": EXIT_TIMEOUT, "cancelled": EXIT_CANCELLED}
        return CodeResult(
            exit_code=codes[run.verdict] if run.verdict else exit_code,
            output=collector.output,
            stdout=collector.stdout,
            stderr=collector.stderr,
            artifacts=files,
            timed_out=run.verdict == "timeout",
            cancelled=run.verdict == "cancelled",
            limit_hit="timeout" if run.verdict == "timeout" else None,
            truncated=collector.truncated,
            duration=duration,
            isolation=self._isolation,
        )


async def _until(running: ExecCommand, run: ExecRun) -> AsyncGenerator[Any, None]:
    """The output of a command, until it ends or somebody decides to end it."""
    pieces = running.output()
    deciding = asyncio.ensure_future(run.decided.wait())
    try:
        while True:
            piece = asyncio.ensure_future(anext(pieces, None))
            await asyncio.wait([piece, deciding], return_when=asyncio.FIRST_COMPLETED)
            if not piece.done():
                piece.cancel()
                return
            if (found := piece.result()) is None:
                return
            yield found
            if run.verdict is not None:
                return
    finally:
        deciding.cancel()

"""A program of this host, run under :mod:`.supervisor` so that all it starts ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from ..sandbox.errors import BackendCrashed, BackendUnavailable
from ..sandbox.result import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

SUPERVISOR = Path(__file__).with_name("supervisor.py")
CHUNK = 1 << 16
"""Bytes read from a pipe at once."""
PATIENCE_SECONDS = 5.0
"""How long a supervisor may take to kill a tree before it is itself killed."""
LINGER_SECONDS = 1.0
"""How long to wait for silent pipes once the supervisor has reported the end."""

Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended: its exit code (128 + N for signal N), and whether we killed it."""

    exit_code: int
    killed: bool
    usage: Usage


class SupervisedProcess:
    """A program that was started by :meth:`start`; :meth:`close` must be awaited in the end."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process = process
        self._control = control
        self._killed = False
        self._readers: dict[Stream, asyncio.StreamReader] = {}
        self._pipes: list[asyncio.ReadTransport] = []
        self._report = asyncio.ensure_future(_read_all(control))

    @classmethod
    async def start(cls, argv: Sequence[str], *, cwd: str, env: Mapping[str, str]) -> Self:
        """Run a program with an empty standard input.

        Raises
        ------
        BackendUnavailable
            This host has no process or descriptor left for it.
        """
        try:
            self = cls(*_spawn(argv, cwd, env))
        except OSError as error:
            raise BackendUnavailable(
                "a new process", why=str(error), remedy="Free some resources of this host."
            ) from error
        try:
            await self._connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        names: tuple[Stream, Stream] = ("stdout", "stderr")
        for name, pipe in zip(names, (self._process.stdout, self._process.stderr), strict=True):
            reader = self._readers[name] = asyncio.StreamReader(limit=CHUNK)
            transport, _ = await loop.connect_read_pipe(
                partial(asyncio.StreamReaderProtocol, reader), pipe
            )
            self._pipes.append(transport)

    def kill(self) -> None:
        """Order the death of the program and all it started; returns at once."""
        if not self._killed:
            self._killed = True
            with contextlib.suppress(OSError):
                self._control.shutdown(socket.SHUT_WR)

    def interrupt(self) -> None:
        """Send SIGINT to the program, as Ctrl-C does; it may live on."""
        if not self._killed:
            with contextlib.suppress(OSError):
                self._control.send(b"i")

    async def output(self) -> AsyncGenerator[tuple[Stream, bytes], None]:
        """What the program prints, until no process holds its pipes any more."""
        reads: dict[asyncio.Future[bytes], Stream] = {
            asyncio.ensure_future(reader.read(CHUNK)): name
            for name, reader in self._readers.items()
        }
        try:
            while reads:
                # A setuid program may survive us with the pipes in its hands.
                over = self._report.done()
                done, _ = await asyncio.wait(
                    reads if over else {*reads, self._report},
                    timeout=LINGER_SECONDS if over else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if over and not done:
                    return
                for read in [read for read in reads if read in done]:
                    name, data = reads.pop(read), read.result()
                    if data:
                        reads[asyncio.ensure_future(self._readers[name].read(CHUNK))] = name
                        yield name, data
        finally:
            for read in reads:
                read.cancel()

    async def ending(self) -> Ending:
        """Wait for the end.

        Raises
        ------
        BackendUnavailable
            The program does not exist or cannot be executed.
        BackendCrashed
            The supervisor went away without a report.
        """
        line = await asyncio.shield(self._report)
        if not line:
            raise BackendCrashed("The supervisor of a local program was killed from outside.")
        report = json.loads(line)
        if "error" in report:
            raise BackendUnavailable(
                "the interpreter", why=report["error"], remedy="Install it or correct its path."
            )
        code: int = report["exit_code"]
        return Ending(
            exit_code=code if code >= 0 else 128 - code,
            killed=report["told"],
            usage=Usage(report["cpu_seconds"], report["peak_memory"]),
        )

    async def dead(self) -> None:
        """After :meth:`kill`: wait until nothing is left, within :data:`PATIENCE_SECONDS`."""
        # Not wait_for(), which would cancel what it waits for.
        await asyncio.wait([self._report], timeout=PATIENCE_SECONDS)
        if not self._report.done():
            self._process.kill()
        await asyncio.to_thread(self._reap)

    def _reap(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE_SECONDS)

    async def close(self) -> None:
        """Kill what still runs, wait until it is gone, and release the pipes."""
        self.kill()
        try:
            await self.dead()
        finally:
            self._report.cancel()
            self._control.close()
            for pipe in self._pipes:
                pipe.close()


def _spawn(
    argv: Sequence[str], cwd: str, env: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(SUPERVISOR), str(theirs.fileno()), *argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd=cwd,
                env=env,
            )
        except BaseException:
            ours.close()
            raise
    ours.setblocking(False)
    return process, ours


async def _read_all(control: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    parts: list[bytes] = []
    with contextlib.suppress(ConnectionError):
        while data := await loop.sock_recv(control, CHUNK):
            parts.append(data)
    return b"".join(parts)

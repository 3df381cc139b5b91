"""Runs a process of the host that handles a run, and sees what it costs the host."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .attack import LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KEPT_BYTES = 4 << 20
_CHUNK = 1 << 16
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class HostRun:
    """What became of a process of the host."""

    output: bytes
    size: int
    """Bytes of output, also of those that are not kept."""
    status: int
    """Its exit code; minus the signal that ended it."""
    overran: bool
    memory: int
    """The most memory of its own it had, in bytes."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What is typed at its terminal, as often as it asks so."""

    question: bytes
    lines: tuple[bytes, ...]
    """One for each time; the last again and again."""


async def run_on_host(
    argv: Sequence[str],
    *,
    cwd: Path,
    seconds: float,
    env: Mapping[str, str] | None = None,
    answers: Answers | None = None,
) -> HostRun:
    """Run ``argv`` for at most ``seconds``, without input, or at a terminal with ``answers``.

    It is killed when its time is over, and when it takes more than twice the memory it may.
    """
    read, write = pty.openpty() if answers else os.pipe()
    process = subprocess.Popen(  # noqa: ASYNC220 - asyncio's would wait for survivors' pipes
        argv,
        cwd=cwd,
        env=env,
        stdin=write if answers else subprocess.DEVNULL,
        stdout=write,
        stderr=write,
        close_fds=False,  # what is inheritable is inherited: it is bait
        start_new_session=True,
    )
    os.close(write)
    reader = Reader(read, answers)
    reader.start()
    peak, ended = 0, False
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    try:
        while not ended and loop.time() < deadline and peak < 2 * LIMITS.host_memory:
            await asyncio.sleep(_LOOK_SECONDS)
            peak = max(peak, _memory(process.pid))
            ended = process.poll() is not None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.wait)
        await asyncio.to_thread(reader.join, 0.5)  # a survivor may hold the pipe
    overran = not ended and peak < 2 * LIMITS.host_memory
    return HostRun(bytes(reader.kept), reader.size, process.returncode, overran, peak)


class Reader(threading.Thread):
    """Reads a pipe to its end, which comes when the last process that holds it is dead."""

    def __init__(self, pipe: int, answers: Answers | None = None) -> None:
        super().__init__(daemon=True)
        self.kept = bytearray()
        self.size = 0
        self._pipe = pipe
        self._answers = answers
        self._answered = 0

    def run(self) -> None:
        # A terminal whose last process is gone cannot be read any more.
        with contextlib.suppress(OSError):
            while data := os.read(self._pipe, _CHUNK):
                self.size += len(data)
                self.kept += data[: _KEPT_BYTES - len(self.kept)]
                self._answer()
        os.close(self._pipe)

    def _answer(self) -> None:
        if self._answers is None:
            return
        asked = self.kept.count(self._answers.question)
        while self._answered < asked:
            lines = self._answers.lines
            os.write(self._pipe, lines[min(self._answered, len(lines) - 1)])
            self._answered += 1


def _memory(pid: int) -> int:
    """Anonymous memory of one process, in bytes."""
    with contextlib.suppress(OSError):
        for line in Path("/proc", str(pid), "status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
    return 0

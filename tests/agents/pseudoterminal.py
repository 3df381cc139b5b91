"""A program in a pseudoterminal: what a person sees of it, and types."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import termios
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """What a person sees, and types."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._changed = asyncio.Event()
        self._seen = b""
        self._read_up_to = 0
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:  # Nobody is on the other side any more.
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self._seen += data
        self._changed.set()

    @property
    def text(self) -> str:
        return _ESCAPES.sub("", self._seen.decode(errors="replace"))

    async def shows(self, text: str) -> None:
        """Wait until ``text`` is on it, below what was waited for before."""
        while (place := self.text.find(text, self._read_up_to)) < 0:
            self._changed.clear()
            await self._changed.wait()
        self._read_up_to = place + len(text)

    def types(self, text: str) -> None:
        os.write(self._descriptor, text.encode())


@asynccontextmanager
async def in_terminal(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    size: tuple[int, int] = (24, 80),
) -> AsyncGenerator[tuple[Terminal, Process]]:
    """A command in a terminal of its own, of so many rows and columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def take_the_terminal() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=dict(env),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=take_the_terminal,
    )
    os.close(theirs)
    try:
        yield Terminal(ours), process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)

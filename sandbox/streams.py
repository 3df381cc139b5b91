"""What a program prints, read from two pipes as they fill."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .output import Stream

_CHUNK = 1 << 16
_PIPE = 1 << 20
"""Bytes an unprivileged process may make a pipe hold (pipe(7), /proc/sys/fs/pipe-max-size)."""


class OutputPipes:
    """Two pipes, read on the running event loop; ``take`` gets each chunk as it arrives.

    ``owner`` is the id of the program, if it is another than the caller's. Afterwards
    :meth:`close` must be called.
    """

    def __init__(self, take: Callable[[Stream, bytes], None], owner: int | None) -> None:
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._pipes: dict[int, Stream] = {}
        self.ends: list[int] = []
        """Where the program is to write: its stdout and its stderr."""
        names: tuple[Stream, Stream] = ("stdout", "stderr")
        try:
            for name in names:
                self._open(name, owner)
        except OSError:
            self.close_ends()
            self.close()
            raise

    def close_ends(self) -> None:
        """Close the program's ends here, once it has them."""
        for end in self.ends:
            os.close(end)
        self.ends.clear()

    def drain(self) -> None:
        """Take what has been written by now.

        Nobody waits for the end of a pipe: a program may have handed its end on to another that
        lives. Nor is more read than a pipe can hold.
        """
        for pipe in list(self._pipes):
            for _ in range(_PIPE // _CHUNK):
                if pipe not in self._pipes or not self._readable(pipe):
                    break

    def close(self) -> None:
        for pipe in list(self._pipes):
            self._close_pipe(pipe)

    def _open(self, name: Stream, owner: int | None) -> None:
        read, write = os.pipe2(os.O_CLOEXEC)
        self.ends.append(write)
        self._pipes[read] = name
        if owner is not None:  # so that the program may open /dev/stdout
            os.fchown(write, owner, owner)
        os.set_blocking(read, False)
        self._loop.add_reader(read, self._readable, read)

    def _readable(self, pipe: int) -> bool:
        """Take one chunk of output; false if there was none."""
        # One chunk a call: the event loop calls in the order in which pipes became readable,
        # which keeps the two streams interleaved as they were.
        try:
            data = os.read(pipe, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._close_pipe(pipe)
            return False
        self._take(self._pipes[pipe], data)
        return True

    def _close_pipe(self, pipe: int) -> None:
        del self._pipes[pipe]
        if not self._loop.is_closed():
            self._loop.remove_reader(pipe)
        os.close(pipe)

"""Makes the warm interpreter, which was forked, as good as a fresh one."""

from __future__ import annotations

import builtins
import fcntl
import gc
import io
import os
import struct
import sys
import time
import types
from typing import Any

_FIONREAD = 0x541B
TIOCOUTQ = 0x5411
"""Of a pipe and of a socket: how many bytes are unread (ioctl_tty(2), unix(7))."""


def main_module(file: str | None) -> types.ModuleType:
    """A new ``__main__``, with streams opened and random sources reseeded for it.

    ``file`` is what it is to believe it came from; what is typed in has none.
    """
    for name, stream in zip(_STREAMS, _streams or _new_streams()):
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    reseed()
    gc.enable()  # the first process of a guest, which this was forked from, does without
    sys.argv = [file or ""]
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    if file is not None:
        module.__dict__["__file__"] = file
    sys.modules["__main__"] = module
    return module


def find_packages_in(folders: list[str]) -> None:
    """Packages of the policy come before those of the interpreter, and after its own modules."""
    installed = (i for i, path in enumerate(sys.path) if path.endswith("-packages"))
    position = next(installed, len(sys.path))
    sys.path[position:position] = folders


def prepare_streams() -> None:
    """Make the streams before there is a program, and even before the fork that is to run it.

    They ask what their descriptors are when they are made, so these are pipes meanwhile, as they
    will be.
    """
    saved = [os.dup(fd) for fd in (1, 2)]
    pipe = os.pipe()
    try:
        for fd in (1, 2):
            os.dup2(pipe[1], fd)
        _streams.extend(_new_streams())
    finally:
        for fd, copy in zip((1, 2), saved):
            os.dup2(copy, fd)
        for fd in (*saved, *pipe):
            os.close(fd)


class Streams:
    """Descriptors 1 and 2 of a session and what is written to them with, for cells may break them.

    A cell may replace them by others that work, and later cells find these.
    """

    def __init__(self) -> None:
        self._kept: list[int] = []

    def keep(self) -> None:
        """Remember where 1 and 2 lead now."""
        for fd in self._kept:
            os.close(fd)
        self._kept = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in (1, 2)]

    @property
    def descriptors(self) -> list[int]:
        """Those that are held for it."""
        return list(self._kept)

    def mend(self) -> None:
        """Let what is written next be seen again, where that is not so any more."""
        for name, fd, kept, errors in zip(
            _STREAMS[1:], (1, 2), self._kept, ("surrogateescape", "backslashreplace")
        ):
            if not _works(getattr(sys, name, None)) or _is_closed(fd):
                try:
                    os.dup2(kept, fd)
                except OSError:  # they have closed that, too
                    continue
                for place in (name, f"__{name}__"):
                    setattr(sys, place, _text_stream(fd, errors))


def _works(stream: Any) -> bool:
    try:
        stream.flush()
        return callable(stream.write) and not getattr(stream, "closed", False)
    except BaseException:  # it may be anything
        return False


def _is_closed(fd: int) -> bool:
    try:
        os.fstat(fd)
        return False
    except OSError:
        return True


_STREAMS = ("stdin", "stdout", "stderr")
_streams: list[io.TextIOWrapper] = []


def _new_streams() -> list[io.TextIOWrapper]:
    return [
        open(0, encoding="utf-8", errors="surrogateescape", closefd=False),
        _text_stream(1, "surrogateescape"),
        _text_stream(2, "backslashreplace"),
    ]


def _text_stream(fd: int, errors: str) -> io.TextIOWrapper:
    raw = io.BufferedWriter(_OrderedFile(fd, "wb", closefd=False))
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=True)


class _OrderedFile(io.FileIO):
    """A pipe whose reader also reads others, and is to see the order of what is written to all."""

    def write(self, data: Any) -> Any:
        take_turn(self.fileno())
        return super().write(data)


_last = (1, _FIONREAD)


def take_turn(fd: int, request: int = _FIONREAD) -> None:
    """Call this before writing to ``fd``; ``request`` is the ioctl that tells what is unread there.

    Several pipes have no common order. So whoever changes from one to another first waits, for a
    bounded time, until the reader has emptied the one before.
    """
    global _last
    if _last[0] != fd:
        _wait_until_read(*_last)
        _last = (fd, request)


def _wait_until_read(fd: int, request: int) -> None:
    for pause in (0, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2):
        try:
            (unread,) = struct.unpack("i", fcntl.ioctl(fd, request, b"\0\0\0\0"))
        except OSError:  # no pipe any more: the program has put something else there
            return
        if not unread:
            return
        time.sleep(pause)


def reseed() -> None:
    """Give the random sources that were loaded before the fork a state of their own.

    Python reseeds its own ``random`` after a fork; the global states of numpy and torch are copied.
    """
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.seed()

"""Runs the untrusted program: the last code of ours in its process.

Python runs in this very interpreter, which was forked warm; anything else is executed.
"""

from __future__ import annotations

import builtins
import fcntl
import gc
import io
import os
import resource
import signal
import struct
import sys
import time
import types
from typing import TYPE_CHECKING, Any, Callable, NoReturn

if TYPE_CHECKING:
    from .channel import Channel

_FIONREAD = 0x541B

tmp = "/tmp"
"""Where programs are put that are no file of the workspace."""


def main(channel: Channel, prepare: Callable[[dict[str, Any]], None] | None = None) -> NoReturn:
    """Wait for the one job of this guest and run it; the socket is gone before it runs.

    ``prepare`` may change the job before.
    """
    frame = channel.receive()
    if frame is None:
        os._exit(0)
    header, code = frame
    for target, fd in enumerate(channel.take_fds(header), start=1):
        os.dup2(fd, target)
        os.close(fd)
    channel.sock.close()
    if prepare is not None:
        prepare(header["program"])
    _run(header["program"], code)


def _run(program: dict[str, Any], code: bytes) -> NoReturn:
    """Run ``code`` as ``program`` says, with descriptors 0 to 2 in place."""
    if program["address_space"]:
        limit = program["address_space"]
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    os.environ.clear()
    os.environ.update(program["env"])
    if program["stdin"]:
        _feed_stdin(code)
    else:
        _write_file(program["file"], code)
    if program["argv"]:
        _execute(program["argv"])
    _exit(_run_python(program["file"], code))


def _write_file(path: str, code: bytes) -> None:
    # All is the guest's own here; but a file is where its name says, or it is not written.
    if os.path.realpath(path) != path:
        _fail(f"{path} is reached through a link; choose another name.")
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(code)
    except OSError as error:
        _fail(f"{path} cannot be written: {error.strerror}")


def _feed_stdin(code: bytes) -> None:
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(code)
        file.seek(0)
        os.dup2(file.fileno(), 0)


def _execute(argv: list[str]) -> NoReturn:
    # Python ignores these two, and what is ignored stays so across exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execv(argv[0], argv)
    except OSError as error:
        _fail(f"{argv[0]} cannot be run: {error.strerror}", 127)


def _fail(message: str, code: int = 1) -> NoReturn:
    os.write(2, (message + "\n").encode("utf-8", "replace"))
    os._exit(code)


# --- Python, in this interpreter ---


def _run_python(file: str, code: bytes) -> int:
    _open_streams()
    _reseed()
    sys.argv = [file]
    folder = os.path.dirname(file)
    sys.path.insert(0, os.getcwd() if folder == tmp else folder)
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=file, __builtins__=builtins)
    sys.modules["__main__"] = module
    try:
        exec(compile(code, file, "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:  # whatever it raises, it is the program's
        return _exit_code(error)
    return 0


def _open_streams() -> None:
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = _text_stream(1, "surrogateescape")
    sys.stderr = _text_stream(2, "backslashreplace")
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, f"__{name}__", getattr(sys, name))


def _text_stream(fd: int, errors: str) -> io.TextIOWrapper:
    raw = io.BufferedWriter(_OrderedFile(fd, "wb", closefd=False))
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=True)


class _OrderedFile(io.FileIO):
    """One of two pipes read by the same reader, who sees the order of writes to both.

    Two pipes have no common order. So whoever changes from one to the other first waits, for a
    bounded time, until the reader has emptied the first.
    """

    _last = 1

    def write(self, data: Any) -> Any:
        cls = _OrderedFile
        if cls._last != self.fileno():
            _wait_until_read(cls._last)
            cls._last = self.fileno()
        return super().write(data)


def _wait_until_read(fd: int) -> None:
    for pause in (0, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02):
        try:
            (unread,) = struct.unpack("i", fcntl.ioctl(fd, _FIONREAD, b"\0\0\0\0"))
        except OSError:  # no pipe any more: the program has put something else there
            return
        if not unread:
            return
        time.sleep(pause)


def _reseed() -> None:
    """Give the random sources that were loaded before the fork a state of their own.

    Python reseeds its own ``random`` after a fork; numpy's global state is copied.
    """
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def _exit_code(error: BaseException) -> int:
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        _print_error(str(error.code) + "\n")
        return 1
    # The first frame is ours.
    traceback = error.__traceback__.tb_next if error.__traceback__ else None
    error.__traceback__ = traceback
    try:
        sys.excepthook(type(error), error, traceback)
    except BaseException:  # a program may put anything there
        _print_error(f"{type(error).__name__}\n")
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _print_error(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except Exception:
        os.write(2, text.encode("utf-8", "replace"))


_loaded_before: set[str] = set()


def remember_modules() -> None:
    """Note what is loaded, before a program is: it stays untouched (and shared) at the end."""
    _loaded_before.update(sys.modules)


def _exit(code: int) -> NoReturn:
    """End as an interpreter does, without touching what was loaded before the fork.

    A full finalisation would write to every page of the preloaded modules, and so copy them.
    What a program can notice is done: threads are joined, exit functions run, its own objects
    are finalised (which flushes files it left open), streams are flushed.
    """
    for step in (_join_threads, _run_exit_functions, _drop_program, _flush):
        try:
            step()
        except BaseException as error:  # hooks belong to the program
            code = _exit_code(error) or code
    os._exit(code)


def _join_threads() -> None:
    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()


def _run_exit_functions() -> None:
    import atexit

    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]


def _drop_program() -> None:
    own = [m for name, m in sys.modules.items() if name not in _loaded_before]
    places = (os.getcwd(), tmp)
    for module in [sys.modules["__main__"], *own]:
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.startswith(places):
            module.__dict__.clear()
    gc.collect()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()

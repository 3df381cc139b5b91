"""Runs one untrusted program: the last code of ours in its process.

Python runs in this very interpreter, which was forked warm; anything else is executed.
"""

from __future__ import annotations

import atexit
import builtins
import gc
import itertools
import os
import sys
from typing import TYPE_CHECKING, Any, Callable, Iterator, NoReturn

from . import interpreter
from .bare import signal

if TYPE_CHECKING:
    import types

tmp = "/tmp"
"""Where programs are put that are no file of the workspace."""

# A program may replace the builtins, and its end needs them.
globals()["__builtins__"] = dict(builtins.__dict__)

_NOT_FLUSHED = 120
"""As Python has it (sys.exit): the streams could not be flushed at the end."""


def run(job: dict[str, Any], code: bytes) -> NoReturn:
    """Run ``code`` as ``job`` says, with descriptors 0 to 2 and the environment in place."""
    if job["stdin"]:
        _feed_stdin(code)
    else:
        _write_file(job["file"], code)
    if job["argv"]:
        execute(job["argv"])
    _exit(_run_python(job["file"], code))


def rehearse() -> None:
    """Run an empty program that is nowhere. What it leaves behind is the next one's to replace."""
    path, main = list(sys.path), sys.modules["__main__"]
    _write_file(os.devnull, b"")
    _run_python(os.devnull, b"print(end='')")
    _drop_program()
    _flush()
    sys.path[:] = path
    sys.modules["__main__"] = main


def _write_file(path: str, code: bytes) -> None:
    # All is the guest's own here; but a file is where its name says, or it is not written. In its
    # private /tmp nothing was before.
    if os.path.dirname(path) != tmp and os.path.realpath(path) != path:
        _fail(f"{path} is reached through a link; choose another name.")
    try:
        if os.path.dirname(path) != tmp:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb", buffering=0) as file:
            file.write(code)
    except OSError as error:
        _fail(f"{path} cannot be written: {error.strerror}")


def _feed_stdin(code: bytes) -> None:
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(code)
        file.seek(0)
        os.dup2(file.fileno(), 0)


def execute(argv: list[str]) -> NoReturn:
    """Become another program; its descriptors and environment are those of this process."""
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
    module = interpreter.main_module(file)
    folder = os.path.dirname(file)
    sys.path.insert(0, os.getcwd() if folder == tmp else folder)
    try:
        exec(compile(code, file, "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:  # whatever it raises, it is the program's
        _flush_if_possible()
        return _exit_code(error)
    _flush_if_possible()
    return 0


def _flush_if_possible() -> None:
    """As the interpreter does at the end of a file, before it says what went wrong in it."""
    for name in ("stderr", "stdout"):
        try:
            getattr(sys, name).flush()
        except BaseException:  # noqa: S112 (it may be anything)
            continue


def _exit_code(error: BaseException) -> int:
    """The status with which an interpreter ends that nobody caught ``error`` in."""
    try:
        if isinstance(error, SystemExit):
            return _asked_code(error)
        # The first frame is ours.
        traceback = error.__traceback__.tb_next if error.__traceback__ else None
        error.__traceback__ = traceback
        sys.excepthook(type(error), error, traceback)
    except SystemExit as asked:  # a program may put anything there
        return _exit_code(asked)
    except BaseException:
        _print_error(f"{type(error).__name__}\n")
    return 130 if type(error) is KeyboardInterrupt else 1


def _asked_code(error: SystemExit) -> int:
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        code = int.__pos__(code)  # what a subclass says of itself does not count
        return code & 0xFF if -(1 << 63) <= code < 1 << 63 else 0xFF
    _print_error(f"{code}\n")
    return 1


def _print_error(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except Exception:
        try:
            os.write(2, text.encode("utf-8", "replace"))
        except Exception:  # it closed that, too, or replaced the function
            return


_loaded_before: set[str] = set()
_loaded_last: list[str] = []


def remember_modules() -> None:
    """Note what is loaded, before a program is: it stays untouched (and shared) at the end."""
    _loaded_before.update(sys.modules)
    _loaded_last.append(next(reversed(sys.modules)))


def _exit(code: int, leave: Callable[[int], NoReturn] = os._exit) -> NoReturn:
    """End as an interpreter does, without touching what was loaded before the fork.

    A full finalisation would write to every page of the preloaded modules, and so copy them.
    What a program can notice is done: threads are joined, exit functions run, its own objects
    are finalised (which flushes files it left open), streams are flushed. Whatever goes wrong in
    it, the status stays what it was, but that of streams which cannot be flushed is 120.
    """
    try:
        steps: list[Callable[[], int | None]]
        steps = [_join_threads, _run_exit_functions, _flush, _drop_program, _flush]
        for step in steps:
            try:
                code = step() or code
            except BaseException as error:  # hooks belong to the program
                _say_ignored(error, step)
    finally:
        leave(code)


def _join_threads() -> None:
    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()


def _run_exit_functions() -> None:
    try:
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    except SystemExit:
        return


def _drop_program() -> None:
    """Finalise what is the program's own, while the streams are the first ones again."""
    for name in ("stdout", "stderr"):
        setattr(sys, name, getattr(sys, f"__{name}__", None))
    places = tuple(place for place in (_current_folder(), tmp) if place is not None)
    for module in [sys.modules.get("__main__"), *_own_modules()]:
        if isinstance(module, type(os)):  # anything may be among them
            file = module.__dict__.get("__file__")
            if isinstance(file, str) and file.startswith(places):
                module.__dict__.clear()
    gc.collect()


def _current_folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return None


def _own_modules() -> Iterator[types.ModuleType]:
    """What the program has loaded; the names of all others are not even looked at."""
    for name in list(
        itertools.takewhile(lambda name: name not in _loaded_last, reversed(sys.modules))
    ):
        if name not in _loaded_before:
            yield sys.modules[name]


def _flush() -> int:
    """Flush what the program prints with; the status of an interpreter that could not."""
    code = 0
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name, None)
        if stream is None or _is_closed(stream):
            continue
        try:
            stream.flush()
        except BaseException as error:  # also one without such a method
            code = _NOT_FLUSHED
            if name == "stdout":
                _say_ignored(error, stream)
    return code


def _is_closed(stream: Any) -> bool:
    try:
        return bool(stream.closed)
    except BaseException:  # it need not know, and may be detached from what it wrote to
        return False


def _say_ignored(error: BaseException, where: object) -> None:
    """Tell of an error that nobody could catch, the way the program has it."""
    traceback = error.__traceback__.tb_next if error.__traceback__ else None
    told = (type(error), error, traceback, None, where)
    try:
        module: Any = sys
        module.unraisablehook(module.UnraisableHookArgs(told))
    except BaseException:  # it is the program's
        return

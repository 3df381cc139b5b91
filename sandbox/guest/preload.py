"""What the fork server imports, once for all guests: modules of the interpreter's own environment.

Packages of the policy are for guests only. A module that asks for one of them while it is imported
would be bound to what the environment has under that name, and guests are to have the package's.
So each is tried first in a fork that notes what is asked for.
"""

from __future__ import annotations

import _thread
import contextlib
import fcntl
import os
import stat
import sys
import time
from importlib.machinery import PathFinder
from typing import Any, Sequence

from . import descendants, root, warmups

Config = dict[str, Any]

_BEGIN_ANEW = {"jemalloc_bg_thd", "polars-ooc-clea"}
"""Threads that libraries go on with, or do without, in a fork, and keep in who was forked."""
_GRACE = 0.5
"""Seconds for what is about to end to be gone."""


def preload(config: Config) -> dict[str, str]:
    """Import what guests will find warm; says what could not be and why.

    Some modules remember where their settings are, or write a cache there; so they find the home
    folder of the guests, whom it belongs to.
    """
    if not config["preload"]:
        return {}
    home = config["places"]["home"] if config["profile"] == "landlock" else root.HOME
    os.environ.update(HOME=home, MPLBACKEND="agg")
    for name in config["preload"]:
        if config["paths"] and _asks_for_packages(name, config["paths"]):
            continue  # guests import it for themselves
        before = _descriptors()
        try:
            _import(name)
        except Exception as error:
            return {name: f"{type(error).__name__}: {error}"}
        left = _left_behind(before)
        if left:
            return {name: f"it leaves {left} behind, which guests would not have; import it there"}
    return {}


def _import(name: str) -> None:
    __import__(name)
    warmups.use_first(name.partition(".")[0])


def is_alone() -> bool:
    """Whether this process has but one thread."""
    return not _other_threads()


# --- what guests have of packages ---


class _Ear:
    """Notes whether a module is asked for that ``folders`` provide; finds none itself."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = folders
        self.heard = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if path is None and PathFinder.find_spec(name, self._folders) is not None:
            self.heard = True


def _asks_for_packages(name: str, folders: Sequence[str]) -> bool:
    """Whether ``name`` is of the packages in ``folders``, or its import needs what is.

    Looking for a module runs nothing of it. One whose import is the end of the fork counts.
    """
    if PathFinder.find_spec(name.partition(".")[0], folders) is not None:
        return True
    pid = os.fork()
    if pid == 0:
        ear = _Ear(folders)
        try:
            sys.meta_path.insert(0, ear)
            with contextlib.suppress(Exception):
                _import(name)
        finally:
            os._exit(ear.heard)
    _, status = os.waitpid(pid, 0)
    descendants.bury()
    return status != 0


# --- what a fork would not have ---


def _left_behind(before: dict[str, str]) -> str | None:
    """What is there besides this thread, was not ``before``, and does not end by itself."""
    if _other_threads():
        _fork_once()
    deadline = time.monotonic() + _GRACE
    while True:
        left = _more_than(before)
        if left is None or time.monotonic() > deadline:
            return left
        time.sleep(0.001)


def _fork_once() -> None:
    """Many libraries end their threads when they are forked (pthread_atfork(3)), and begin anew."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _more_than(before: dict[str, str]) -> str | None:
    threads = [name for name in _other_threads() if name not in _BEGIN_ANEW]
    if threads:
        return f"a thread ({(_python_threads() or threads)[0]})"
    if _has_children():
        return "a process"
    now = _descriptors()
    opened = [fd for fd in now if now[fd] != before.get(fd)]
    others = [fd for fd in opened if fd in before or not _is_read_only_file(int(fd))]
    return f"a descriptor ({now[others[0]]})" if others else None


def _is_read_only_file(fd: int) -> bool:
    """Libraries keep data open. In guests it is closed, as any other descriptor."""
    mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
    return stat.S_ISREG(os.fstat(fd).st_mode) and mode == os.O_RDONLY


def _other_threads() -> list[str]:
    """Those of this process but its first: proc_pid_task(5)."""
    names: list[str] = []
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open(f"/proc/self/task/{thread}/comm") as file:
            if int(thread) != _thread.get_native_id():
                names.append(file.read().strip())
    return names


def _python_threads() -> list[str]:
    threading = sys.modules.get("threading")
    return [thread.name for thread in threading.enumerate()[1:]] if threading else []


def _has_children() -> bool:
    """Whether one lives; those that have ended are reaped."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _descriptors() -> dict[str, str]:
    found: dict[str, str] = {}
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that which listed them
            found[fd] = os.readlink(f"/proc/self/fd/{fd}")
    return found

"""The fork of a live interpreter that becomes a branch: :mod:`.branch` makes room for it.

What cannot be forked is refused before: threads, tasks that wait, and what is open to others. Files
are opened anew, so that the branch has its own copies, at the same places in them.
"""

from __future__ import annotations

import fcntl
import gc
import os
import stat
import sys
import warnings
from typing import Any, Callable, Collection, Iterable, NamedTuple, NoReturn

from . import confine, interpreter, kernel


class CannotBranch(Exception):
    """What this interpreter holds cannot be forked."""


class OpenFile(NamedTuple):  # a data class would load much at the start of each sandbox
    """A descriptor of a file, and how to open it again."""

    fd: int
    path: str
    flags: int
    inheritable: bool


def check_threads() -> None:
    """Refuse to fork while others run in this process, for they would not be in the fork.

    Raises
    ------
    CannotBranch
        There are such threads. Those of numerical libraries know how to begin anew.
    """
    threading = sys.modules.get("threading")
    if threading is None:
        return
    others = [t.name for t in threading.enumerate() if t is not threading.current_thread()]
    if others:
        raise CannotBranch(f"threads are running ({', '.join(others)}); join them first")


def open_files(own: Collection[int]) -> list[OpenFile]:
    """The descriptors of this process besides ``own`` and the standard streams.

    Raises
    ------
    CannotBranch
        One is no file: a socket, a pipe, or a file that has no name any more.
    """
    files: list[OpenFile] = []
    for fd in _descriptors():
        if fd > 2 and fd not in own:
            file = _open_file(fd)
            if file is not None:
                files.append(file)
    return files


def _descriptors() -> Iterable[int]:
    """Those of this process; without namespaces there is no /proc to list, but its links work."""
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except PermissionError:
        return range(confine.DESCRIPTORS)


def _open_file(fd: int) -> OpenFile | None:
    try:
        path = os.readlink(f"/proc/self/fd/{fd}")
        info = os.fstat(fd)
    except OSError:  # what listed the folder
        return None
    try:
        there = os.stat(path)
    except OSError:
        there = None
    same = there is not None and (there.st_dev, there.st_ino) == (info.st_dev, info.st_ino)
    if not same or os.isatty(fd):  # the same name is another terminal in a branch
        raise CannotBranch(f"descriptor {fd} is open ({path}); close it first")
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    return OpenFile(fd, path, flags & ~(os.O_EXCL | os.O_TRUNC), os.get_inheritable(fd))


def _open_again(file: OpenFile) -> None:
    position = None
    if stat.S_ISREG(os.fstat(file.fd).st_mode):
        position = os.lseek(file.fd, 0, os.SEEK_CUR)
    fd = os.open(file.path, file.flags)
    if position is not None:
        os.lseek(fd, position, os.SEEK_SET)
    os.dup2(fd, file.fd, file.inheritable)
    os.close(fd)


def fork_into(namespaces: list[int], become: Callable[[], NoReturn]) -> None:
    """Fork this process into other namespaces, where the fork does ``become``.

    A pid namespace is entered by the next child only, and a user namespace by no process that is
    to come back. So somebody goes ahead and forks there. That one shares the memory of this process
    (CLONE_VM of clone(2)) instead of copying it, for the fork will copy it once more; this process
    waits meanwhile (CLONE_VFORK). The fork goes on deeper on the stack that was made for it. The
    last of the namespaces is for the fork itself: see :func:`arrive`.

    Raises
    ------
    OSError
        The kernel refused.
    """
    errors: list[OSError] = []

    def go_ahead() -> int:
        try:
            for namespace in namespaces[:-1]:
                kernel.setns(namespace, 0)
            if _fork():
                return 0
        except OSError as error:
            errors.append(error)
            return 1
        return become()

    if sys.version_info >= (3, 14):  # knows the bounds of its stack, and would not go on on another
        pid = _fork()
        if pid == 0:
            os._exit(go_ahead())
    else:
        pid = kernel.clone_sharing_memory(go_ahead)
    _, status = os.waitpid(pid, 0)
    if status:
        raise errors[0] if errors else OSError("the fork could not enter its namespaces")


def _fork() -> int:
    with warnings.catch_warnings():
        # Since Python 3.12 it warns of any thread; those that matter have been looked for.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def arrive(namespaces: list[int]) -> None:
    """Enter the last namespace, where only a process with memory of its own gets in; close all.

    Raises
    ------
    OSError
        The kernel refused.
    """
    kernel.setns(namespaces[-1], 0)
    for namespace in namespaces:
        os.close(namespace)


def settle(files: list[OpenFile], streams: list[int], doors: list[int]) -> None:
    """Be the one process of a branch, with nothing left that is its parent's.

    ``doors`` lead into the branch's cgroup.

    Raises
    ------
    OSError
        A file is not in the branch.
    """
    confine.drop_capabilities()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    confine.join_cgroups(doors)
    os.setsid()
    gc.freeze()  # looking at what is shared would copy it
    for target, fd in enumerate(streams, start=1):
        os.dup2(fd, target)
        os.close(fd)
    for file in files:
        _open_again(file)
    interpreter.reseed()


def close_loop(loop: Any) -> None:
    """Close an event loop that is idle: what it is made of cannot be shared.

    Raises
    ------
    CannotBranch
        Tasks wait on it.
    """
    import asyncio

    waiting = [task.get_name() for task in asyncio.all_tasks(loop)]
    if waiting:
        raise CannotBranch(f"tasks are waiting ({', '.join(waiting)}); await or cancel them first")
    loop.close()

"""Looks at the fork of a live interpreter before anybody has a use for it.

It was made by code that nobody trusts. What it kept of its parent's is found here, whether by
mistake (a mapping of shared memory) or on purpose.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import Callable, Collection, Generator

from .bare import signal
from .processes import status_of

_STANDSTILL = 1.0
"""Seconds it has to stop; who waits for a child of vfork(2) does not."""
_MOMENT = 0.0001
_SHARED_MEMORY = re.compile(rb"^\S+ .([w-]).s \S+ \S+ \d+ *(.*)$", re.MULTILINE)


@contextlib.contextmanager
def standing_still(pid: int) -> Generator[None, None, None]:
    """Stop it meanwhile, or it could change while it is looked at.

    What its parent left running can make it go on (SIGCONT), but then it is given a processor,
    which the kernel counts.

    Raises
    ------
    OSError
        It did not stop, or went on.
    """
    os.kill(pid, signal.SIGSTOP)
    runs = _runs_until_stopped(pid)
    yield
    if _runs(status_of(pid)) != runs:
        raise OSError("it went on while it was looked at")
    os.kill(pid, signal.SIGCONT)


def _runs_until_stopped(pid: int) -> list[str]:
    deadline = time.monotonic() + _STANDSTILL
    last = None
    while time.monotonic() < deadline:
        status = status_of(pid)
        runs = _runs(status) if status["State"].startswith("T") else None
        if runs is not None and runs == last:
            return runs
        last = runs
        time.sleep(_MOMENT)  # it says so a moment before it leaves its processor
    raise OSError("it cannot be stopped")


def _runs(status: dict[str, str]) -> list[str]:
    return [status["voluntary_ctxt_switches"], status["nonvoluntary_ctxt_switches"]]


def check_status(pid: int) -> None:
    """It has no capability, cannot get other ones than this process, and has one thread.

    Raises
    ------
    OSError
        It has not; so all functions here.
    """
    fields = status_of(pid)
    if {fields["NSpgid"], fields["NSsid"]} != {str(pid)}:
        raise OSError("it is in a process group of its parent's")  # kill(2) would reach that
    kept = any(int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"))
    if kept or fields["CapBnd"] != status_of(os.getpid())["CapBnd"]:
        raise OSError("it kept capabilities")
    if (fields["Threads"], fields["NoNewPrivs"], fields["Seccomp"]) != ("1", "1", "2"):
        raise OSError("it is not confined as its parent")


def check_cgroup(pid: int, *, shared: bool) -> None:
    """It is counted where this process is, or where this process is not."""
    with open(f"/proc/{pid}/cgroup") as its, open("/proc/self/cgroup") as own:
        if (its.read() == own.read()) != shared:
            raise OSError("it did not join its cgroup")


def check_files(
    pid: int, own: Collection[tuple[int, int]], is_foreign: Callable[[str], bool]
) -> None:
    """What it has open is its own, or nobody's: not a file, pipe or socket of its parent's.

    ``own`` are device and inode of its pipes and sockets; ``is_foreign`` tells paths of others.
    """
    for name in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{name}"
        info = os.stat(path)
        if (info.st_dev, info.st_ino) in own:
            continue
        _check_same(os.readlink(path), info, is_foreign)
    if not os.path.samefile(f"/proc/{pid}/exe", "/proc/self/exe"):
        raise OSError("it runs another program")
    for name in ("cwd", "root"):
        path = f"/proc/{pid}/{name}"
        _check_same(os.readlink(path), os.stat(path), is_foreign)


def check_memory(pid: int) -> None:
    """It shares no memory that anybody can write."""
    with open(f"/proc/{pid}/maps", "rb") as file:
        for writable, path in _SHARED_MEMORY.findall(file.read()):
            if writable == b"w" or not path.startswith(b"/usr/"):
                raise OSError(f"it shares memory ({path.decode(errors='replace') or 'anonymous'})")


def _check_same(path: str, info: os.stat_result, is_foreign: Callable[[str], bool]) -> None:
    try:
        here = _stat_without_links(path)
    except OSError:
        here = None
    same = here is not None and (here.st_dev, here.st_ino) == (info.st_dev, info.st_ino)
    if not same or is_foreign(path):
        raise OSError(f"{path} is open, which a branch cannot have")


def _stat_without_links(path: str) -> os.stat_result:
    """What is there, of which no part is a link.

    The kernel names what is open without any; a link that is there all the same could lead, by way
    of /proc, to what the fork has open.
    """
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    folder = os.open("/", flags)
    for name in path.split("/")[1:]:
        try:
            below = os.open(name or ".", flags, dir_fd=folder)
        finally:
            os.close(folder)
        folder = below
    try:
        return os.fstat(folder)
    finally:
        os.close(folder)

"""Looks at the fork of a live interpreter before anybody has a use for it.

It was made by code that nobody trusts. What it kept of its parent's is found here, whether by
mistake (a mapping of shared memory) or on purpose.
"""

from __future__ import annotations

import os
import re
from typing import Callable, Collection, Dict, Tuple

_SHARED_MEMORY = re.compile(rb"^\S+ .([w-]).s \S+ \S+ \d+ *(.*)$", re.MULTILINE)


def check_status(pid: int) -> None:
    """It has no capability, cannot get other ones than this process, and has one thread.

    Raises
    ------
    OSError
        It has not; so all functions here.
    """
    fields = _status(pid)
    if {fields["NSpgid"], fields["NSsid"]} != {str(pid)}:
        raise OSError("it is in a process group of its parent's")  # kill(2) would reach that
    kept = any(int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"))
    if kept or fields["CapBnd"] != _status(os.getpid())["CapBnd"]:
        raise OSError("it kept capabilities")
    if (fields["Threads"], fields["NoNewPrivs"], fields["Seccomp"]) != ("1", "1", "2"):
        raise OSError("it is not confined as its parent")


def _status(pid: int) -> Dict[str, str]:
    with open(f"/proc/{pid}/status") as file:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}


def check_cgroup(pid: int, *, shared: bool) -> None:
    """It is counted where this process is, or where this process is not."""
    with open(f"/proc/{pid}/cgroup") as its, open("/proc/self/cgroup") as own:
        if (its.read() == own.read()) != shared:
            raise OSError("it did not join its cgroup")


def check_files(
    pid: int, own: Collection[Tuple[int, int]], is_foreign: Callable[[str], bool]
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
        here = os.stat(path)
    except OSError:
        here = None
    same = here is not None and (here.st_dev, here.st_ino) == (info.st_dev, info.st_ino)
    if not same or is_foreign(path):
        raise OSError(f"{path} is open, which a branch cannot have")

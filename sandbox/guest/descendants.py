"""Kills what descends from this process, where no pid namespace does.

A child subreaper (prctl(2), PR_SET_CHILD_SUBREAPER) becomes the parent of every orphan below it,
so that each round of killing finds what the last one missed, until there is no child left.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import Collection, Iterator, Optional

from .bare import signal


def bury(keep: Collection[int] = (), seconds: Optional[float] = None) -> bool:
    """Kill and reap all children but those of ``keep``, and all that descend from them.

    False if there still are some when the time is up, for they fork faster than they are killed.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    while deadline is None or time.monotonic() < deadline:
        left = [pid for pid in children() if pid not in keep]
        if not left:
            return True
        for pid in left:
            for descendant in (pid, *below(pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(descendant, signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
    return False


def let_end(pids: Collection[int], seconds: float) -> None:
    """Wait for these children, which were asked to end, but no longer than this."""
    deadline = time.monotonic() + seconds
    for pid in pids:
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.poll(max(deadline - time.monotonic(), 0) * 1000)
        os.close(pidfd)


def children() -> list[int]:
    """The processes whose parent is this one, the dead that nobody has reaped included."""
    return [pid for pid, parent in _parents() if parent == os.getpid()]


def below(top: int) -> dict[int, int]:
    """All that descend from the process ``top``, each with its parent."""
    by_parent: dict[int, list[int]] = {}
    for pid, parent in _parents():
        by_parent.setdefault(parent, []).append(pid)
    found: dict[int, int] = {}
    pending = [top]
    for parent in pending:  # grows while it is walked
        for pid in by_parent.get(parent, ()):
            found[pid] = parent
            pending.append(pid)
    return found


def above(pid: int) -> Iterator[int]:
    """The parent of a process, its parent, and so on."""
    parents = dict(_parents())
    while pid in parents:
        pid = parents[pid]
        yield pid


def _parents() -> Iterator[tuple[int, int]]:
    """Each process that can be seen and its parent: field 4 of proc_pid_stat(5)."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                # The name in parentheses may itself hold parentheses and spaces.
                yield int(name), int(file.read().rpartition(b")")[2].split()[1])

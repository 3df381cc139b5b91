"""The way of a fork into the namespaces of a branch, as the parent's first process guards it.

The host announces the namespaces, and each may be entered once. What the kernel is told to go on
with it reads again (seccomp_unotify(2)): so who calls must be the only thread of its process, for
another one could exchange the descriptor in between.
"""

from __future__ import annotations

import os
import select
from typing import Optional

from . import processes
from .bare import signal
from .handles import LAST

_ENDING = 1000
"""Milliseconds that who went ahead has to end; it does so as soon as it has forked."""
_ALONE = 3
"""Links of the folder of its threads, for a process that has one."""


class Passage:
    """Lets one process go ahead into all namespaces but the last, and then its fork into that.

    Who goes ahead may share the memory of the interpreter, and could fork into the branch as long
    as it lives. The last is a time namespace, into which the kernel lets only who shares its memory
    with nobody (timens_install() of the kernel), and this lets it only when who went ahead has
    ended, and no program is to reap it: a branch is not gone before its fork is reaped. ``inodes``
    are those of the namespaces, by name.
    """

    def __init__(self, inodes: dict[str, int]) -> None:
        self._left = {inode: name for name, inode in inodes.items()}
        self.pid_namespace = f"pid:[{inodes['pid']}]"
        self._ahead = 0
        self._pidfd: Optional[int] = None

    def lets(self, pid: int, fd: int) -> bool:
        """True if the process ``pid``, which waits, may enter what it has open as ``fd``."""
        try:
            name = self._left.get(os.stat(f"/proc/{pid}/fd/{fd}").st_ino)
            if name is None or os.stat(f"/proc/{pid}/task").st_nlink != _ALONE:
                return False
            if name == LAST:
                self._take(name)  # whether it may or not: that takes time
                return self._is_the_fork(pid)
            if not self._is_ahead(pid):
                return False
        except OSError:
            return False
        self._take(name)
        return True

    def close(self) -> None:
        """Let nobody else in."""
        self._left = {}
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def _take(self, name: str) -> None:
        self._left = {inode: other for inode, other in self._left.items() if other != name}

    def _is_ahead(self, pid: int) -> bool:
        if self._pidfd is None:
            self._ahead, self._pidfd = pid, os.pidfd_open(pid)
        return pid == self._ahead and not _has_ended(self._pidfd, 0)

    def _is_the_fork(self, pid: int) -> bool:
        if self._pidfd is None or os.readlink(f"/proc/{pid}/ns/pid") != self.pid_namespace:
            return False
        if not _has_ended(self._pidfd, _ENDING):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            return False
        return processes.is_orphan(pid)


def _has_ended(pidfd: int, milliseconds: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(milliseconds))

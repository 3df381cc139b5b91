"""The descriptors of a process that is to have few."""

from __future__ import annotations

import fcntl
import os

_KEPT = 3


def keep_only(fd: int, end: int) -> int:
    """Have /dev/null as 0 to 2 and a copy of ``fd`` as 3, which is returned; close all to ``end``.

    ``end`` is above all that are open.
    """
    # A copy above all targets first, so that it is not overwritten before it is used.
    copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    null = os.open("/dev/null", os.O_RDWR)
    for target in range(_KEPT):
        os.dup2(null, target)
    os.dup2(copy, _KEPT, inheritable=False)
    os.closerange(_KEPT + 1, max(end, copy + 1, null + 1))
    return _KEPT

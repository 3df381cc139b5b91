"""Runs one command, and ends it when whoever started this is gone.

Started as a program, in a process group of its own, with a pipe as standard input. Nothing is
ever written to that pipe: it closes when the owner closes it or dies, also by ``kill -9``, and
then the whole group is killed. PR_SET_PDEATHSIG would not do: it follows the thread that
started a process and does not reach the process's children.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys


def main() -> int:
    """The command's exit status, 128 and the signal's number for one that was killed."""
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    ended = os.pidfd_open(child.pid)
    readable, _, _ = select.select([sys.stdin.fileno(), ended], [], [])
    if ended not in readable:
        os.killpg(0, signal.SIGKILL)
    status = child.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())

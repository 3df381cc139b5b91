"""Runs an installer, confined, and ends it when whoever started this is gone.

Started as ``supervisor.py FOLDER… -- COMMAND…``, in a process group of its own, with a pipe as
standard input. Nothing is ever written to that pipe: it closes when the owner closes it or dies,
also by ``kill -9``, and then the whole group is killed. PR_SET_PDEATHSIG would not do: it follows
the thread that started a process and does not reach the process's children.

The command can read what the user can, for its settings may lie anywhere and name local folders.
It can write in the named folders only, reach no process outside, and has no capability but those
over files. Where the kernel has no Landlock it can write what the user can.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import types
from pathlib import Path

OVER_FILES = 1 << 1 | 1 << 2 | 1 << 3
"""CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER: capabilities(7)."""


def main() -> int:
    """The command's exit status, 128 and the signal's number for one that was killed."""
    end = sys.argv.index("--")
    confine(sys.argv[1:end])
    child = subprocess.Popen(sys.argv[end + 1 :], stdin=subprocess.DEVNULL)
    ended = os.pidfd_open(child.pid)
    readable, _, _ = select.select([sys.stdin.fileno(), ended], [], [])
    if ended not in readable:
        os.killpg(0, signal.SIGKILL)
    status = child.wait()
    return status if status >= 0 else 128 - status


def confine(folders: list[str]) -> None:
    """Keep this process and its children from all but reading, and writing in ``folders``."""
    name = "_sandcrew_guest"  # a package of the standard library only, as in guest/__main__.py
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [str(Path(__file__).parent.parent / "guest")]
    kernel = __import__(f"{name}.kernel", fromlist=["kernel"])
    landlock = __import__(f"{name}.landlock", fromlist=["landlock"])
    kept = kernel.permitted_capabilities() & OVER_FILES
    kernel.drop_bounding_set(but=kept)
    kernel.set_capabilities(kept)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    config: dict[str, object] = {"network": "host", "listed": (), "bound": False}
    config["landlock"] = kernel.landlock_abi()
    landlock.restrict(config, ["/"], folders)


if __name__ == "__main__":
    sys.exit(main())

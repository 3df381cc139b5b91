"""``bare_fork.py [CODE]``: the floor of any run in a forked interpreter: no layer, nobody watching.

The process is small, or holds what CODE makes, for what a fork costs depends on it.
"""

from __future__ import annotations

import os
import sys


def fork() -> None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write, 1)
        exec(compile("print(1+1)", "floor", "exec"), {"__name__": "__main__"})
        sys.stdout.flush()
        os._exit(0)
    os.close(write)
    assert os.read(read, 10).startswith(b"2")
    os.close(read)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    from serving import serve

    held: dict[str, object] = {}
    exec("".join(sys.argv[1:]), held)
    serve(fork)

"""The first process of a guest: puts the layers on, starts a worker, reaps, reports its end.

It holds the guest's socket. Frames to the host: ``confined`` or ``refused``, then ``ended``. The
host answers ``confined`` with one byte, after which the job may come, which the worker reads.
"""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import socket
from typing import Any, NoReturn

from . import kernel, program
from .channel import Channel
from .confine import confine

_SOCKET = 3


def main(config: dict[str, Any], fd: int) -> NoReturn:
    """Be the first process of a new pid namespace, with the guest's socket as ``fd``."""
    _forget_the_zygote(fd)
    channel = Channel(socket.socket(fileno=_SOCKET))
    try:
        confine(config)
        # The program shares this process's id. It must not be able to look into it.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        channel.send({"op": "confined"})
        if not channel.sock.recv(1):
            os._exit(0)  # the host has no use for this guest any more
        pid = os.fork()
    except BaseException as error:  # fail closed: nothing ran, and the host is told why
        channel.send({"op": "refused", "error": str(error.args[-1] if error.args else error)})
        os._exit(1)
    if pid == 0:
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        program.main(channel)
    _watch(channel, pid)


def _forget_the_zygote(fd: int) -> None:
    """Keep /dev/null as 0 to 2 and the socket as 3, and nothing else of the parent."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT):
        # Without a handler a first process cannot be signalled from inside (pid_namespaces(7)).
        signal.signal(number, signal.SIG_DFL)
    # A copy above all targets first, so that it is not overwritten before it is used.
    sock = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    null = os.open("/dev/null", os.O_RDWR)
    for target in range(_SOCKET):
        os.dup2(null, target)
    os.dup2(sock, _SOCKET, inheritable=False)
    os.closerange(_SOCKET + 1, max(int(name) for name in os.listdir("/proc/self/fd")) + 1)


def _watch(channel: Channel, worker: int) -> NoReturn:
    """Reap until the worker has ended; then kill and reap the rest, and say how it went.

    When the report is written nothing of the guest is left but this process, so what is in the
    workspace stays as it is.
    """
    status = 0
    child = 0
    while child != worker:
        child, status = os.wait()
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        pass
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = exit_code(status)
    channel.send(
        {
            "op": "ended",
            "exit_code": code,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_memory": usage.ru_maxrss * 1024,
        }
    )
    os._exit(code)


def exit_code(status: int) -> int:
    """A wait status as shells have it: 128 + N for a program that signal N killed."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

"""The first process of a guest: puts the layers on, starts a worker, reaps, reports its end.

It holds the guest's socket. Frames to the host: ``confined`` or ``refused``, ``denied`` for kinds
of system calls, ``limit`` for one that it found exceeded, and ``ended``. The host answers
``confined`` with one byte, after which the job may come, which the worker reads.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal
import socket
from typing import Any, NoReturn

from . import kernel, landlocked, program, worker
from .channel import Channel
from .confine import confine
from .watch import PERIOD, MemoryWatch

_SOCKET = 3
PROXY = ("127.0.0.1", 3128)
"""Where programs in a guest find the proxy."""


def main(config: dict[str, Any], fd: int) -> NoReturn:
    """Be the first process of a guest (and of its pid namespace), with its socket as ``fd``."""
    _forget_the_zygote(fd)
    channel = Channel(socket.socket(fileno=_SOCKET))
    without_namespaces = config["profile"] == "landlock"
    try:
        listener, written = _put_layers_on(config)
        # The program shares this process's id. It must not be able to look into it.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        _say_confined(channel, config)
        if not channel.sock.recv(1):
            os._exit(0)  # the host has no use for this guest any more
        if without_namespaces:
            landlocked.listen_for_the_end()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # until there is a program to hear of it
        pid = os.fork()
    except BaseException as error:  # fail closed: nothing ran, and the host is told why
        channel.send({"op": "refused", "error": str(error.args[-1] if error.args else error)})
        os._exit(1)
    if pid == 0:
        os.close(written)
        if listener is not None:
            os.close(listener)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            if without_namespaces:
                landlocked.shield(config)
                worker.main(channel, lambda job: landlocked.relocate(job, config))
            worker.main(channel)
        finally:
            os._exit(1)  # a worker never goes on as the first process
    memory = MemoryWatch(config["memory"]) if config["watch_memory"] else None
    status = _wait_for(pid, channel, listener, memory)
    if without_namespaces:
        landlocked.bury_guest(config)
        if not landlocked.told_to_end():  # like one that the kernel killed
            _report(channel, status, written, None)
        landlocked.sweep_tmp(config)
    else:
        _bury_the_rest()
        _report(channel, status, written, _last_pid() - 1)  # without this one
    os._exit(exit_code(status))


def _put_layers_on(config: dict[str, Any]) -> tuple[int | None, int]:
    if config["profile"] == "landlock":
        return landlocked.confine_guest(config)
    listener = confine(config)
    return listener, os.open("/proc/self/io", os.O_RDONLY | os.O_CLOEXEC)


def _say_confined(channel: Channel, config: dict[str, Any]) -> None:
    """Say that all layers are on; with it goes the way to the guest's private /tmp.

    Where there is to be a way out, it goes along: a listening socket in the guest's own network
    namespace, on which the host accepts. The copy here is closed before the program runs, so that
    nobody inside can accept.
    """
    folder = os.open(_tmp(config), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not config["proxy"]:
            channel.send({"op": "confined"}, [folder])
            return
        with socket.create_server(PROXY, backlog=128) as door:
            channel.send({"op": "confined"}, [folder, door.fileno()])
    finally:
        os.close(folder)


def _tmp(config: dict[str, Any]) -> str:
    return config["places"]["tmp"] if config["profile"] == "landlock" else program.tmp


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


def _bury_the_rest() -> None:
    """Kill and reap all others, so that what is in the workspace stays as it is."""
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        pass


def _report(channel: Channel, status: int, written: int, processes: int | None) -> None:
    """Say how it went, when nothing of the guest is left but this process."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    channel.send(
        {
            "op": "ended",
            "exit_code": exit_code(status),
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_memory": usage.ru_maxrss * 1024,
            "processes": processes,
            "bytes_written": _wchar(written),
        }
    )


def _last_pid() -> int:
    """The number last given in this namespace: the fifth field of /proc/loadavg (proc(5))."""
    with open("/proc/loadavg") as file:
        return int(file.read().split()[4])


def _wchar(io: int) -> int:
    """Bytes passed to write calls by all that were reaped: wchar of /proc/pid/io (proc(5))."""
    fields = dict(line.split(b": ") for line in os.pread(io, 4096, 0).splitlines())
    return int(fields[b"wchar"])


def _wait_for(
    worker: int, channel: Channel, listener: int | None, memory: MemoryWatch | None
) -> int:
    """Reap, and refuse system calls that are handed over, until the worker has ended.

    The host hears of each kind of refused call once, and at once: a guest may be killed.
    """
    wake_r, wake_w = os.pipe()
    os.set_blocking(wake_r, False)
    os.set_blocking(wake_w, False)
    signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, wake)
    signal.signal(signal.SIGINT, lambda *_: _interrupt(worker))
    poll = select.poll()
    poll.register(wake_r, select.POLLIN)
    if listener is not None:
        poll.register(listener, select.POLLIN)
    refused: set[int] = set()
    while True:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == worker:
            return status
        if child:
            continue
        if landlocked.told_to_end():
            return signal.SIGKILL
        ready = poll.poll(None if memory is None else PERIOD * 1000)
        if memory is not None and memory.exceeded():
            channel.send({"op": "limit", "name": "memory"})
            return signal.SIGKILL
        for fd, event in ready:
            if fd == wake_r:
                os.read(wake_r, 4096)
            elif event & select.POLLIN and listener is not None:
                _refuse(listener, refused, channel)
            else:
                poll.unregister(fd)  # nobody is left whom the filter could stop


def _interrupt(worker: int) -> None:
    """Pass SIGINT on to the program and what it runs in the foreground, as a terminal does.

    The host sends it; whoever sends it from inside interrupts nobody but itself.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker, signal.SIGINT)


def _refuse(listener: int, refused: set[int], channel: Channel) -> None:
    try:
        number = kernel.seccomp_refuse(listener)
    except OSError:  # the caller died
        return
    if number not in refused:
        refused.add(number)
        channel.send({"op": "denied", "call": number})


def wake(*_: object) -> None:
    """A handler that does nothing: having one makes the kernel write to the wake-up pipe."""


def exit_code(status: int) -> int:
    """A wait status as shells have it: 128 + N for a program that signal N killed."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

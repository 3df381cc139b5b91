"""The first process of a guest: puts the layers on, starts a worker, reaps, reports its end.

It holds the guest's socket. Frames to the host: ``confined`` or ``refused``, ``denied`` for kinds
of system calls, ``limit`` for one that it found exceeded, and ``ended``. The host answers
``confined`` with one byte, after which the job may come. A program's worker reads it itself; for a
session this process does, and then hears ``interrupt``, ``retire``, and of branches ``show``,
``expect`` and ``adopt``.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
from typing import Any, NoReturn, Sequence

from . import descriptors, handles, interpreter, kernel, landlocked, program, worker
from .bare import signal, socket
from .channel import Channel
from .confine import confine
from .landlocked_rooms import LandlockedRooms
from .landlocked_walls import LandlockedWalls
from .supervisor import Supervisor, exit_code
from .walls import Walls
from .watch import watch_of


def main(config: dict[str, Any], fd: int) -> NoReturn:
    """Be the first process of a guest (and of its pid namespace), with its socket as ``fd``."""
    gc.disable()  # what little garbage this makes in cycles is not worth looking for
    channel = Channel(socket.socket(fileno=forget_the_zygote(fd)))
    without_namespaces = config["profile"] == "landlock"
    try:
        listener, written = _put_layers_on(config)
        say_confined(channel, config)
        if without_namespaces:
            landlocked.listen_for_the_end()
        # A session's host goes on talking to this process, which so must be the one that reads.
        frame = _job(channel) if config["session"] else None
        pid = os.fork()
    except BaseException as error:  # fail closed: nothing ran, and the host is told why
        refuse(channel, error)
    if pid == 0:
        os.close(written)
        if listener is not None:
            os.close(listener)
        if not without_namespaces:
            os.close(config["mounts"])
        if config.get("diagnosis") is not None:
            os.close(config["diagnosis"])
        _stand_apart(config)
        interpreter.find_packages_in(config["paths"])  # here at last, where all layers are on
        try:
            if without_namespaces:
                landlocked.shield(config)
                worker.main(channel, frame, LandlockedWalls(config, supervise))
            worker.main(channel, frame, Walls())
        finally:
            os._exit(1)  # a worker never goes on as the first process
    if frame is not None:
        for passed in channel.take_fds(frame[0]):
            os.close(passed)
    else:
        rehearse(written)
    supervise(config, channel, pid, listener, written)


def supervise(
    config: dict[str, Any],
    channel: Channel,
    program: int,
    listener: int | None = None,
    written: int | None = None,
) -> NoReturn:
    """Be the first process of a guest that is confined, to the end of its ``program``."""
    memory = watch_of(config) if config["watch_memory"] else None
    without_namespaces = config["profile"] == "landlock"
    with_rooms = without_namespaces and landlocked.has_branches(config)
    rooms = LandlockedRooms(config) if with_rooms else None
    supervisor = Supervisor(channel, listener, memory, rooms, hears=config["session"])
    code = exit_code(supervisor.wait_for(program) or 0)
    if without_namespaces:
        _end_without_namespaces(config, supervisor, channel, code, written)
    else:
        end(supervisor, channel, code, written)
    os._exit(code)


def _end_without_namespaces(
    config: dict[str, Any],
    supervisor: Supervisor,
    channel: Channel,
    code: int,
    written: int | None,
) -> None:
    lives_on = supervisor.has_branches and supervisor.bury_all_but_branches()
    if not lives_on:
        landlocked.bury_guest(config)
    if not landlocked.told_to_end():  # like one that the kernel killed
        report(channel, code, written, None)
    if lives_on:
        supervisor.linger()
        landlocked.bury_guest(config)
    landlocked.sweep_tmp(config)


def _stand_apart(config: dict[str, Any]) -> None:
    """In the worker: be the program's own process, which can be looked into and interrupted."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    os.setsid()
    if not config["session"]:  # which ignores what comes before its first cell
        signal.signal(signal.SIGINT, signal.default_int_handler)


def end(supervisor: Supervisor, channel: Channel, code: int | None, written: int | None) -> None:
    """Kill what is left of the guest and say how it went; its branches may live on.

    They do not if what is left cannot be killed without them.
    """
    if not (supervisor.has_branches and supervisor.bury_all_but_branches()):
        _bury_the_rest()
    report(channel, code, written, _last_pid() - 1)  # without this one
    if supervisor.has_branches:
        supervisor.linger()


def _job(channel: Channel) -> tuple[dict[str, Any], bytes]:
    frame = channel.receive()
    if frame is None:
        os._exit(0)
    return frame


def _put_layers_on(config: dict[str, Any]) -> tuple[int | None, int]:
    if config["profile"] == "landlock":
        return landlocked.confine_guest(config)
    return confine(config), own_io()


def say_confined(channel: Channel, config: dict[str, Any], names: Sequence[str] = ()) -> None:
    """Say that all layers are on, and wait until the host lets this guest go on.

    With it goes the way to the guest's private /tmp, and to what else ``names`` says. Where there
    is to be a way out, it goes along: a listening socket in the guest's own network namespace, on
    which the host accepts. The copy here is closed before the program runs, so that nobody inside
    can accept.
    """
    # The program shares this process's id. It must not be able to look into it.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until there is a program to hear of it
    tmp = os.open(_tmp(config), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    fds = [tmp, *handles.open_handles(names)]
    names = ["tmp", *names]
    if config["proxy"]:
        with contextlib.closing(socket.socket()) as door:
            door.bind(tuple(config["proxy"]))
            door.listen(128)
            config["door"] = door.getsockname()
            channel.send({"op": "confined", "names": [*names, "door"]}, [*fds, door.fileno()])
    else:
        channel.send({"op": "confined", "names": names}, fds)
    for fd in fds:
        os.close(fd)
    if not channel.sock.recv(1):
        os._exit(0)  # the host has no use for this guest any more


def refuse(channel: Channel, error: BaseException) -> NoReturn:
    """Say that a layer could not be put on, and end: nothing ran."""
    why = str(error.args[-1] if error.args else error)
    if isinstance(error, OSError) and error.filename is not None:
        why = f"{error.filename}: {error.strerror}"
    channel.send({"op": "refused", "error": why})
    os._exit(1)


def own_io() -> int:
    return os.open("/proc/self/io", os.O_RDONLY | os.O_CLOEXEC)


def _tmp(config: dict[str, Any]) -> str:
    return config["places"]["tmp"] if config["profile"] == "landlock" else program.tmp


def forget_the_zygote(fd: int) -> int:
    """Have nothing of its own but the socket ``fd``, whose new number is returned."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT):
        # Without a handler a first process cannot be signalled from inside (pid_namespaces(7)).
        signal.signal(number, signal.SIG_DFL)
    return descriptors.keep_only(fd, max(int(name) for name in os.listdir("/proc/self/fd")) + 1)


def _bury_the_rest() -> None:
    """Kill and reap all others, so that what is in the workspace stays as it is."""
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        pass


def report(channel: Channel, code: int | None, written: int | None, processes: int | None) -> None:
    """Say how it went, when nothing of the guest is left but this process."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    channel.send(
        {
            "op": "ended",
            "exit_code": code,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_memory": usage.ru_maxrss * 1024,
            "processes": processes,
            "bytes_written": None if written is None else _wchar(written),
        }
    )


def rehearse(written: int) -> None:
    """Report to nobody, while nobody waits, as :func:`worker.rehearse` does what comes before."""
    ours, theirs = socket.socketpair()
    report(Channel(ours), 0, written, None)
    ours.close()
    theirs.close()


def _last_pid() -> int:
    """The number last given in this namespace: the fifth field of /proc/loadavg (proc(5))."""
    with open("/proc/loadavg") as file:
        return int(file.read().split()[4])


def _wchar(io: int) -> int:
    """Bytes passed to write calls by all that were reaped: wchar of /proc/pid/io (proc(5))."""
    fields = dict(line.split(b": ") for line in os.pread(io, 4096, 0).splitlines())
    return int(fields[b"wchar"])

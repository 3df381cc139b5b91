"""Runs one program and leaves nothing of it behind. Started as ``python -I -S supervisor.py``.

Standard library only. The owner (:mod:`.supervised`) holds the other end of a control socket:
when that closes, or the program ends, every descendant is killed, those that made sessions of
their own or lost their parents included, for this process is their subreaper (prctl(2)). Then one
line of JSON goes up the socket: how the program ended and what it used.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PATROL_SECONDS = 0.05
"""How long a round of killing waits for its dead before it looks for new processes."""
PATIENCE_SECONDS = 3.0


def prctl(option: int, argument: int) -> None:
    """Ask Linux for an attribute of this process; elsewhere the process group has to do."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0)


def main() -> None:
    """``supervisor.py CONTROL_FD PROGRAM ARGUMENT…``"""
    control, argv = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(control, False)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    # The control socket tells of the owner's end too, but a fork of the owner may hold it open.
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    wakeups = watch_signals()
    try:
        program = spawn(argv)
    except OSError as error:
        report(control, {"error": f"{argv[0]}: {os.strerror(error.errno or 0)}"})
        return
    # The owner reads until the program's end of the pipes closes, not ours.
    for fd in (1, 2):
        os.dup2(0, fd)
    status, told = wait_for(program, control, wakeups)
    kill_descendants(wakeups)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report(
        control,
        {
            "exit_code": os.waitstatus_to_exitcode(status),
            "told": told,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_memory": used.ru_maxrss * 1024,
        },
    )


def watch_signals() -> int:
    """A descriptor on which the numbers of arriving signals can be read."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, take_note)
    return readable


def take_note(number: int, frame: FrameType | None) -> None:
    """Nothing to do: the wake-up descriptor has the number."""


def spawn(argv: list[str]) -> int:
    """Start the program in a session of its own; raises ``OSError`` if it cannot be executed."""
    failure, failed = os.pipe()
    parent = os.getpid()
    program = os.fork()
    if program == 0:
        try:
            execute(argv, parent)
        except OSError as error:
            os.write(failed, str(error.errno).encode())
        finally:
            os._exit(127)
    os.close(failed)
    with open(failure, "rb") as answer:  # noqa: PTH123
        number = answer.read()
    if number:
        raise OSError(int(number), "")
    return program


def execute(argv: list[str], parent: int) -> None:
    os.setsid()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(127)
    # Python ignores these, and an ignored signal stays ignored over execve(2).
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execvp(argv[0], argv)


def wait_for(program: int, control: int, wakeups: int) -> tuple[int, bool]:
    """Wait for the program's end or the order to end it: its wait status, and whether told to.

    The order is the end of the control socket; a byte on it is to interrupt the program and what
    it runs in the foreground.
    """
    told = False
    while not told:
        ready, _, _ = select.select([control, wakeups], [], [])
        if control in ready:
            told = not os.read(control, 1)
            if not told:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(program, signal.SIGINT)
        told = told or (wakeups in ready and signal.SIGTERM in os.read(wakeups, 4096))
        for pid, status in reap():
            if pid == program:
                return status, False
    os.kill(program, signal.SIGKILL)
    return os.waitpid(program, 0)[1], True


def reap() -> Iterator[tuple[int, int]]:
    """The dead, without waiting for more of them."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            yield pid, status


def kill_descendants(wakeups: int) -> None:
    """Kill until no child is left, or only one that cannot be killed (a setuid program).

    A process that SIGKILL was sent to cannot fork any more, and orphans become our children, so
    each round finds what the last one missed.
    """
    give_up = time.monotonic() + PATIENCE_SECONDS
    while has_children() and time.monotonic() < give_up:
        for pid in descendants():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if select.select([wakeups], [], [], PATROL_SECONDS)[0]:
            os.read(wakeups, 4096)
        for _ in reap():
            pass


def has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def descendants() -> Iterator[int]:
    """Processes below this one, parents first, by proc_pid_stat(5)."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdecimal():
            children.setdefault(parent_of(name), []).append(int(name))
    found = list(children.get(os.getpid(), ()))
    for pid in found:
        found.extend(children.get(pid, ()))
        yield pid


def parent_of(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            # The name in parentheses may itself hold parentheses and spaces.
            return int(file.read().rpartition(b")")[2].split()[1])
    except OSError:
        return 0  # it is gone


def report(control: int, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the owner may not listen any more
        os.write(control, json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()

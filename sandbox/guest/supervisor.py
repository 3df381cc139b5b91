"""What the first process of a guest does while the program runs: reaps, refuses, hears the host."""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import TYPE_CHECKING, Any

from . import descendants, handles, kernel, landlocked, processes
from .bare import signal, socket
from .passage import Passage
from .watch import PERIOD

if TYPE_CHECKING:
    from .channel import Channel
    from .landlocked_rooms import LandlockedRooms
    from .watch import MemoryWatch

_BURIAL = 2.0
"""Seconds in which what a program leaves is to be killed without its branches."""
RETIRED = int(signal.SIGKILL)
"""The wait status of a program that was killed because the host asked for it."""


class Supervisor:
    """Waits for the end of the program, and of others that came into this pid namespace.

    ``listener`` is where system calls arrive that the filter hands over; all are refused, but for
    the step of a fork of the program into the namespaces of a branch which the host announced.
    ``rooms`` are for branches where there are no namespaces.
    """

    def __init__(
        self,
        channel: Channel,
        listener: int | None,
        memory: MemoryWatch | None,
        rooms: LandlockedRooms | None = None,
        *,
        hears: bool,
    ) -> None:
        self._channel = channel
        self._listener = listener
        self._memory = memory
        self._rooms = rooms
        self._refused: set[tuple[int | None, int]] = set()
        self._passages: dict[int, Passage] = {}
        self._branches: dict[str, int] = {}
        self._adopted: dict[int, int] = {}
        self._retired = False
        self._worker = 0
        self._wake_r, wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        os.set_blocking(wake_w, False)
        signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, wake)
        self._poll = select.poll()
        self._poll.register(self._wake_r, select.POLLIN)
        if listener is not None:
            self._poll.register(listener, select.POLLIN)
        if hears:
            self._poll.register(channel.sock, select.POLLIN)

    @property
    def has_branches(self) -> bool:
        return bool(self._adopted if self._rooms else self._branches)

    def wait_for(self, worker: int, pidfd: int | None = None) -> int | None:
        """Serve until ``worker`` has ended; its wait status.

        A worker that is no child of this process has a ``pidfd`` here, and no status.
        """
        self._worker = worker
        signal.signal(signal.SIGINT, self._interrupt)
        if pidfd is not None:
            self._poll.register(pidfd, select.POLLIN)
        while True:
            status = self._reap(worker)
            if status is not None:
                return status
            if landlocked.told_to_end() or self._retired:
                return RETIRED
            for fd, event in self._poll.poll(None if self._memory is None else PERIOD * 1000):
                if fd == pidfd:
                    return None
                self._serve(fd, event)
            if self._memory is not None and self._memory.exceeded():
                self._channel.send({"op": "limit", "name": "memory"})
                return RETIRED

    def _interrupt(self, *_: object) -> None:
        """Pass SIGINT on to the program and what it runs in the foreground, as a terminal does.

        The host sends it; whoever sends it from inside interrupts nobody but itself.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._worker, signal.SIGINT)

    def linger(self) -> None:
        """The program is gone; go on for its branches, which live in here, until they end."""
        self._worker = 0
        while self._adopted if self._rooms else processes.others():
            self._reap(0)
            if landlocked.told_to_end():
                return
            for fd, event in self._poll.poll(1000):
                self._serve(fd, event)

    def bury_all_but_branches(self) -> bool:
        """Kill and reap what is this guest's own; false if some are left that outrun it."""
        if self._rooms:
            return descendants.bury(keep=self._adopted, seconds=_BURIAL)
        return _bury_own()

    # --- inside ---

    def _reap(self, worker: int) -> int | None:
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return None
            if child == worker and child:
                return status
            if not child:
                return None
            if child in self._adopted:
                branch = self._adopted.pop(child)
                self._channel.send(
                    {"op": "buried", "branch": branch, "exit_code": exit_code(status)}
                )
                if self._rooms and os.WIFSIGNALED(status):
                    # Its orphans have come here, and cannot be told from others.
                    descendants.bury(keep=[self._worker, *self._adopted], seconds=_BURIAL)

    def _serve(self, fd: int, event: int) -> None:
        if fd == self._wake_r:
            os.read(self._wake_r, 4096)
        elif fd == self._channel.sock.fileno():
            self._hear()
        elif event & select.POLLIN and fd == self._listener:
            self._hear()  # what the host said before the call was made
            self._decide(fd)
        else:
            self._poll.unregister(fd)  # nobody is left whom the filter could stop

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            if not self._channel.fill(socket.MSG_DONTWAIT):
                self._poll.unregister(self._channel.sock)
        frame = self._channel.pending()
        while frame is not None:
            self._obey(frame[0])
            frame = self._channel.pending()

    def _obey(self, header: dict[str, Any]) -> None:
        op, fds = header["op"], self._channel.take_fds(header)
        if op == "retire":
            self._retired = True
        elif op == "interrupt":
            self._interrupt()
            self._channel.send({"op": "interrupted"})  # what runs from now on is not
        elif op == "show":
            shown = handles.open_handles(header["names"])
            self._channel.send({"op": "shown"}, shown)
            fds += shown
        elif op == "expect":
            passage = self._passages[header["branch"]] = Passage(header["inodes"])
            self._branches[passage.pid_namespace] = header["branch"]
        elif op == "forget":
            if header["branch"] in self._passages:
                self._passages.pop(header["branch"]).close()
        elif op == "adopt":
            with contextlib.suppress(OSError):  # it has ended before it began
                self._adopted[pid_of(f"/proc/self/fdinfo/{fds[0]}")] = header["branch"]
        elif self._rooms:
            self._obey_about_rooms(self._rooms, header)
        for fd in fds:
            os.close(fd)

    def _obey_about_rooms(self, rooms: LandlockedRooms, header: dict[str, Any]) -> None:
        op, branch, fds = header["op"], header["branch"], []
        try:
            if op == "make":
                fds = rooms.make(branch)
                self._channel.send({"op": "made"}, fds)
            elif op == "admit":
                pid = rooms.admit(header, self._worker)
                fds = [os.pidfd_open(pid)]
                self._adopted[pid] = branch
                self._channel.send({"op": "admitted"}, fds)
            elif op == "clear":
                rooms.clear(branch)
        except OSError as error:
            self._channel.send({"op": "no_branch", "error": str(error)})
        for fd in fds:
            os.close(fd)

    def _decide(self, listener: int) -> None:
        """Answer one system call; the host hears of each kind that is refused once.

        It hears before the caller does, who may end or say that it has ended.
        """
        try:
            call = kernel.seccomp_receive(listener)
            allow = call.number == kernel.SETNS and self._lets_pass(call)
            if not allow:
                self._tell(call)
            kernel.seccomp_answer(listener, call, allow=allow)
        except OSError:  # the caller died
            return

    def _tell(self, call: kernel.Call) -> None:
        branch = self._branch_of(call.pid)
        if (branch, call.number) not in self._refused:
            self._refused.add((branch, call.number))
            self._channel.send({"op": "denied", "call": call.number, "branch": branch})

    def _lets_pass(self, call: kernel.Call) -> bool:
        fd = call.args[0] & 0xFFFFFFFF
        return any(passage.lets(call.pid, fd) for passage in self._passages.values())

    def _branch_of(self, pid: int) -> int | None:
        if self._rooms:
            found = (
                self._adopted[above] for above in descendants.above(pid) if above in self._adopted
            )
            return next(found, None)
        try:
            return self._branches.get(os.readlink(f"/proc/{pid}/ns/pid"))
        except OSError:
            return None


def _bury_own() -> bool:
    """Kill and reap all of this pid namespace but this process and what is in branches.

    False if some are left, because they fork faster than they are killed. The dead are reaped last:
    until then they count, so that those who fork come to the limit of processes.
    """
    deadline = time.monotonic() + _BURIAL
    while time.monotonic() < deadline:
        alive, dead = processes.own()
        if not alive and not dead:
            return True
        for pid in alive:
            # Who makes a branch comes through here, and is not ours to kill; it soon is gone.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not alive:
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
        time.sleep(0.0005)
    return False


def pid_of(fdinfo: str) -> int:
    """The process for which a pidfd stands, as numbered here: pidfd_open(2), fdinfo of proc(5).

    Raises
    ------
    OSError
        It has ended, or this is no pidfd.
    """
    with open(fdinfo) as file:
        for line in file:
            key, _, value = line.partition(":")
            if key == "Pid" and int(value) > 0:
                return int(value)
    raise ProcessLookupError("the process has ended")


def wake(*_: object) -> None:
    """A handler that does nothing: having one makes the kernel write to the wake-up pipe."""


def exit_code(status: int) -> int:
    """A wait status as shells have it: 128 + N for a program that signal N killed."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

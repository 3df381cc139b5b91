"""A session of bash: directory, variables and functions stay from one cell to the next.

The shell is an interactive one, which is what can give up a command at an interrupt and go on. It
reads its orders from a pipe and tells the status of each by another; both are closed while the
code of a cell runs.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, NoReturn

from . import program
from .bare import signal
from .interrupts import is_called_off

if TYPE_CHECKING:
    from .channel import Channel

_STATUS, _STDERR = 8, 9
_PROBE, _KEPT = 60, {1: 61, 2: 62}
"""Copies of what cells print to, for a cell may close its own (``exec >&-``)."""
_CLOSED_FOR_CELLS = " ".join(f"{fd}>&-" for fd in (_STATUS, *_KEPT.values()))
_MEND = (
    f": {_PROBE}>&2 || exec 2>&{_KEPT[2]}; "  # where it is closed nobody sees the complaint
    f"{{ : {_PROBE}>&1; }} 2>/dev/null || exec 1>&{_KEPT[1]}"
)
_SOON = 0.2
_BEGIN = 0.1
"""Seconds in which a cell starts its first program, which may miss a signal to its group then."""
_OPENING = (
    f"exec 2>&{_STDERR} {_STDERR}>&- {' '.join(f'{kept}>&{fd}' for fd, kept in _KEPT.items())}; "
    "set +H +m +o history; shopt -u checkwinsize; "
    "unset PS1 PS2 PROMPT_COMMAND MAILCHECK\n"
)


def serve(job: dict[str, Any], channel: Channel) -> NoReturn:
    """Serve cells until the host closes the socket; ends with the shell, if that ends first."""
    shell = _Shell(job["argv"])
    signal.signal(signal.SIGINT, shell.interrupt)
    count = 0
    while True:
        frame = channel.receive()
        if frame is None:
            os._exit(0)
        header, code = frame
        if header["op"] != "cell":
            continue
        count += 1
        exit_code = shell.run(code, count, partial(is_called_off, channel, header))
        channel.send({"op": "done", "id": header["id"], "exit_code": exit_code, "kind": "none"})


class _Shell:
    """A running bash, started as ``argv`` says.

    It is of a process group of its own, and hears of an interrupt only while it runs a cell: one
    that came while it reads an order would spoil the order.
    """

    def __init__(self, argv: list[str]) -> None:
        orders, self._orders = os.pipe()
        self._status, status = os.pipe()
        self._said = b""
        self._running = False
        self._interrupted = False
        self._began = 0.0
        self._signalled = self._is_young = False
        self._pid = os.fork()
        if self._pid == 0:
            _become_shell(argv, orders, status)
        with contextlib.suppress(PermissionError):  # it has done so itself, and become bash
            os.setpgid(self._pid, self._pid)
        os.close(orders)
        os.close(status)
        os.write(self._orders, _OPENING.encode())

    def run(self, code: bytes, number: int, is_called_off: Callable[[], bool]) -> int:
        """Run ``code`` and return its exit status; if the shell ends with it, so do we."""
        path = f"{program.tmp}/cell-{number}.sh"
        try:
            with open(path, "wb") as file:
                file.write(code + b"\n")
        except OSError as error:
            os.write(2, f"The cell cannot be written: {error.strerror}\n".encode())
            return 1
        begins, ask = _tell(f"{number}", "begins"), f"\n{_tell(f'{number}', '$?')}\n"
        self._interrupted = self._signalled = False
        try:
            if is_called_off():
                return 128 + signal.SIGINT
            self._order(f"{_MEND}; {begins}; . '{path}' </dev/null {_CLOSED_FOR_CELLS}{ask}")
            while self._hear(f"{number}") is None:
                pass
            self._running, self._began = True, time.monotonic()
            if self._interrupted:
                self.interrupt()
            while (status := self._hear(f"{number}")) is None:
                self._urge(ask)
            self._running = False
            if self._signalled:
                self._calm_down(number)
            return int(status)
        except (BrokenPipeError, ValueError):  # it has ended, or talks nonsense
            self._end()
        finally:
            self._running = False
            with contextlib.suppress(OSError):
                os.unlink(path)

    def interrupt(self, *_: object) -> None:
        """Pass SIGINT on to the cell that runs, or is about to."""
        self._interrupted = True
        if self._running:
            self._is_young = time.monotonic() - self._began < _BEGIN
            self._signal()

    def _signal(self) -> None:
        self._signalled = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGINT)

    def _order(self, line: str) -> None:
        os.write(self._orders, line.encode())

    def _hear(self, mark: str) -> bytes | None:
        """What it says next behind ``mark``; none if it is silent for a while."""
        while True:
            line, end, rest = self._said.partition(b"\n")
            if end:
                self._said = rest
                found, _, word = line.partition(b" ")
                if found == mark.encode():
                    return word
            elif select.select([self._status], [], [], _SOON)[0]:
                more = os.read(self._status, 4096)
                if not more:
                    raise BrokenPipeError
                self._said = (self._said + more)[-4096:]
            else:
                return None

    def _urge(self, ask: str) -> None:
        """Have a cell that was interrupted end and its status told.

        The shell forgets an order that it reads when the signal comes, so it is asked once more.
        """
        if self._interrupted:
            self._interrupted = False
            if self._is_young:
                self._signal()
            self._order(ask)

    def _calm_down(self, number: int) -> None:
        """Have nothing of the interrupt left for the next cell.

        A signal that came when the cell had just ended would spoil the next order. And a program
        that was just being started may have missed it: the shell has given it up, but reads no
        order before it has ended. Only the answer to the last question says that all is over.
        """
        for question in itertools.count(1):
            mark = f"{number}.{question}"
            self._order(f"\n{_tell(mark, 'calm')}\n")
            if self._hear(mark) is not None:
                return
            self._signal()

    def _end(self) -> NoReturn:
        """End as the shell does."""
        os.close(self._orders)
        os.close(self._status)
        _, status = os.waitpid(self._pid, 0)
        os._exit(_exit_code(status))


def _tell(mark: str, what: str) -> str:
    return f"printf '{mark} %s\\n' {what} >&{_STATUS}"


def _become_shell(argv: list[str], orders: int, status: int) -> NoReturn:
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.dup2(orders, 0)
        os.dup2(status, _STATUS)
        os.dup2(2, _STDERR)
        # What it says of having no terminal is not for the reader.
        os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
        program.execute(argv)
    finally:
        os._exit(127)


def _exit_code(status: int) -> int:
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

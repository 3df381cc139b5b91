"""A session of bash: directory, variables and functions stay from one cell to the next.

The shell is an interactive one, which is what can give up a command at an interrupt and go on. It
reads its orders from a pipe and tells the status of each by another; both are closed while the
code of a cell runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any, NoReturn

from . import program

if TYPE_CHECKING:
    from .channel import Channel

_STATUS, _STDERR = 8, 9
_OPENING = (
    f"exec 2>&{_STDERR} {_STDERR}>&-; set +H +m +o history; shopt -u checkwinsize; "
    "unset PS1 PS2 PROMPT_COMMAND MAILCHECK\n"
)


def serve(job: dict[str, Any], channel: Channel) -> NoReturn:
    """Serve cells until the host closes the socket; ends with the shell, if that ends first."""
    signal.signal(signal.SIGINT, _ignore)  # it is for the shell, of the same group
    shell = _Shell(job["argv"])
    count = 0
    while True:
        frame = channel.receive()
        if frame is None:
            os._exit(0)
        header, code = frame
        if header["op"] != "cell":
            continue
        count += 1
        exit_code = shell.run(code, count)
        channel.send({"op": "done", "id": header["id"], "exit_code": exit_code, "kind": "none"})


def _ignore(*_: object) -> None:
    """A handler; children do not inherit it, as they would SIG_IGN (execve(2))."""


class _Shell:
    """A running bash, started as ``argv`` says."""

    def __init__(self, argv: list[str]) -> None:
        orders, self._orders = os.pipe()
        self._status, status = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _become_shell(argv, orders, status)
        os.close(orders)
        os.close(status)
        os.write(self._orders, _OPENING.encode())

    def run(self, code: bytes, number: int) -> int:
        """Run ``code`` and return its exit status; if the shell ends with it, so do we."""
        path = f"{program.tmp}/cell-{number}.sh"
        try:
            with open(path, "wb") as file:
                file.write(code + b"\n")
        except OSError as error:
            os.write(2, f"The cell cannot be written: {error.strerror}\n".encode())
            return 1
        line = f". '{path}' </dev/null {_STATUS}>&-\nprintf '%s\\n' $? >&{_STATUS}\n"
        try:
            os.write(self._orders, line.encode())
            answer = os.read(self._status, 16)
        except BrokenPipeError:
            answer = b""
        if not answer.strip().isdigit():
            self._end()
        with contextlib.suppress(OSError):
            os.unlink(path)
        return int(answer)

    def _end(self) -> NoReturn:
        """End as the shell does, which has closed its end of the pipe or writes nonsense there."""
        os.close(self._orders)
        os.close(self._status)
        _, status = os.waitpid(self._pid, 0)
        os._exit(_exit_code(status))


def _become_shell(argv: list[str], orders: int, status: int) -> NoReturn:
    try:
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

"""A live interpreter: runs cells one after another, and keeps what they leave.

Frames from the host: ``cell``, ``interrupt`` for one that has not begun, ``answer`` to a question,
``branch``. Frames to the host: ``ready`` (of a branch), ``refused``, ``display``, ``input`` (a
question), and ``done`` after each cell. What a cell prints goes over the
descriptors 1 and 2, and is there before ``done``. Everything here shares a process with untrusted
code: nothing that it says is relied on outside.
"""

from __future__ import annotations

import _thread
import builtins
import json
import mmap
import os
import resource
import select
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from . import cell, confine, display, figures, forking, interpreter, tracebacks, values
from .bare import socket
from .channel import Channel
from .interrupts import Interrupts, is_called_off

if TYPE_CHECKING:
    from .walls import Walls

_LONGEST_PROMPT = 4096
_SOON = 0.2
_NOBODY = "input() is not possible here: nobody is there to answer. Write the value into the code."


def serve(channel: Channel, walls: Walls) -> NoReturn:
    """Serve cells in this interpreter until the host closes the socket."""
    session = Session(channel, walls)
    session.prepare()
    session.serve()


class Session:
    """The cell loop. ``namespace`` is what cells see as their globals."""

    def __init__(self, channel: Channel, walls: Walls) -> None:
        self._channel = channel
        self._walls = walls
        self._pid = os.getpid()
        self._interrupts = Interrupts()
        self._speaking = _thread.allocate_lock()  # threads of a cell may display and ask as well
        self._asking = _thread.allocate_lock()
        self._branching = False
        self._cell = 0
        self._count = 0
        self._loop: Any = None
        self._streams = interpreter.Streams()
        self.namespace: dict[str, Any] = {}

    def prepare(self) -> None:
        """Make this interpreter one in which code is typed in."""
        self.namespace = interpreter.main_module(None).__dict__
        sys.path.insert(0, "")
        self._streams.keep()
        os.register_at_fork(after_in_child=self._leave_to_parent)
        builtins.input = self._ask
        builtins.display = self.display  # type: ignore[attr-defined]
        figures.show_with(self.display)

    def serve(self) -> NoReturn:
        while True:
            frame = self._channel.receive()
            if frame is None:
                os._exit(0)
            header, body = frame
            if header["op"] == "cell":
                self._run(header, body)
            elif header["op"] == "branch":
                self._branch(header)

    def display(self, *shown: Any) -> None:
        """Show values in the richest form the reader can take."""
        for value in shown:
            if self._is_a_copy:  # nobody would hear of it
                print(display.text_of(value))
            else:
                self._send_forms(*display.forms_of(value))

    # --- one cell ---

    def _run(self, header: dict[str, Any], body: bytes) -> None:
        self._cell = header["id"]
        self._count += 1
        self._interrupts.listen()
        if is_called_off(self._channel, header):
            self._interrupts.call_off()
        parts = _split(body, header["sizes"])
        exit_code, (kind, data) = 0, values.NONE
        try:
            self._load(header["inputs"], parts[1:])
            if header["memory"] is not None:
                _limit_memory(header["memory"])
            with self._interrupts.allowed():
                kind, data = self._execute(parts[0].decode("utf-8", "surrogatepass"))
        except BaseException as error:  # whatever it raises, it is the user's
            exit_code = self._report(error)
        exit_code = self._flush() or exit_code
        if self._is_a_copy:
            os._exit(exit_code)
        self._streams.mend()
        if header["memory"] is not None:
            _limit_memory(None)
        self._send({"op": "done", "id": self._cell, "exit_code": exit_code, "kind": kind}, data)

    def _execute(self, source: str) -> values.Carried:
        name = f"<cell {self._count}>"
        tracebacks.remember_source(source, name)
        try:
            value = cell.execute(source, name, self.namespace, self._wait)
        except Exception:
            self._show_figures()  # drawn before the error
            raise
        self._show_figures(besides=value)
        return self._show(value)

    def _show_figures(self, besides: Any = None) -> None:
        """Show those that are still open."""
        for figure in () if self._is_a_copy else display.open_figures():
            if figure is not besides:
                self.display(figure)

    def _show(self, value: Any) -> values.Carried:
        """Show the value of a cell; returns it as it is carried."""
        if value is None or self._is_a_copy:
            return values.NONE
        self.namespace["_"] = value
        forms, metadata = display.forms_of(value)
        self._send_forms(forms, metadata)
        return values.dump(value, forms["text/plain"])

    def _load(self, inputs: list[Any], parts: list[bytes]) -> None:
        for (name, kind), data in zip(inputs, parts):
            self.namespace[name] = values.load(kind, data)

    def _report(self, error: BaseException) -> int:
        try:
            if isinstance(error, SystemExit):
                return _exit_code(error)
            tracebacks.report(error)
        except BaseException:  # streams, hooks and texts belong to the user
            os.write(2, f"{type(error).__name__}\n".encode("utf-8", "replace"))
        return 130 if isinstance(error, KeyboardInterrupt) else 1

    def _flush(self) -> int:
        try:
            for stream in (sys.stdout, sys.stderr):
                if hasattr(stream, "flush") and not getattr(stream, "closed", False):
                    stream.flush()
        except BaseException as error:
            return self._report(error)
        return 0

    def _wait(self, coroutine: Any) -> Any:
        """Run a coroutine on an event loop that lives as long as the session."""
        import asyncio

        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        task = self._loop.create_task(coroutine)
        try:
            return self._loop.run_until_complete(task)
        except KeyboardInterrupt as interrupt:
            if task.done():  # it was raised in the task, and says where
                raise
            task.cancel()
            self._loop.run_until_complete(asyncio.wait([task]))
            if task.cancelled():
                raise interrupt.with_traceback(_where(task)) from None
            return task.result()  # it makes of a cancellation what it likes

    @property
    def _is_a_copy(self) -> bool:
        """True in a child that a cell has forked, which ends with its copy of the cell."""
        return os.getpid() != self._pid

    # --- branches ---

    def _branch(self, header: dict[str, Any]) -> None:
        """Fork; the fork becomes the interpreter of the branch, and never comes back here."""
        fds = self._channel.take_fds(header)
        out, err, sock, *way = fds
        self._branching = True
        try:
            cwd = os.getcwd()
            self._flush()
            forking.check_threads()
            if self._loop is not None:
                forking.close_loop(self._loop)
                self._loop = None
            files = forking.open_files(
                {*fds, self._channel.sock.fileno(), *self._streams.descriptors}
            )

            def become() -> NoReturn:
                channel = Channel(socket.socket(fileno=sock))
                self._become_a_branch(channel, way, files, [out, err], cwd)

            self._walls.fork(way, become)
            answer = {"op": "forked"}
        except Exception as error:  # what is called here may be the user's by now
            answer = {"op": "refused", "why": _why(error)}
        for fd in fds:
            os.close(fd)
        self._branching = False
        self._send({**answer, "id": header["id"]})

    def _become_a_branch(
        self,
        channel: Channel,
        way: list[int],
        files: list[forking.OpenFile],
        streams: list[int],
        cwd: str,
    ) -> NoReturn:
        self._channel.sock.close()
        self._channel = channel
        self._pid = os.getpid()
        try:
            self._walls.enter(way)
            frame = channel.receive()
            if frame is None:  # else there is room for the files of the branch now
                os._exit(0)
            path = self._walls.move_in(frame[0])
            files = [file._replace(path=path(file.path)) for file in files]
            forking.settle(files, streams, channel.take_fds(frame[0]))
            self._streams.keep()
            os.chdir(path(cwd))
            self._walls.close_behind()
            self._pid = os.getpid()
            self._branching = False
            self._send({"op": "ready"})
            self.serve()
        except OSError as error:
            self._send({"op": "refused", "why": _why(error)})
        finally:
            os._exit(1)  # it never goes on as the parent

    # --- talking to the host ---

    def _send_forms(self, forms: dict[str, Any], metadata: dict[str, Any]) -> None:
        parts: list[tuple[str, str, bytes]] = []
        room = display.MOST
        for mime, form in forms.items():
            kind, data = _encode(form)
            if len(data) > room:
                kind, data = "text", f"<{len(data):,} bytes, too large to show>".encode()[:room]
            room -= len(data)
            parts.append((mime, kind, data))
        header = {
            "op": "display",
            "id": self._cell,
            "forms": [(mime, kind, len(data)) for mime, kind, data in parts],
            "metadata": metadata,
        }
        self._flush()  # what was printed before comes before
        self._send(header, b"".join(data for _, _, data in parts))

    def _send(self, header: dict[str, Any], body: bytes = b"") -> None:
        """Send a frame whole: an interrupt in its midst would spoil all later ones."""
        with self._interrupts.held(), self._speaking:
            interpreter.take_turn(self._channel.sock.fileno(), interpreter.TIOCOUTQ)
            self._channel.send(header, body=body)

    def _ask(self, prompt: object = "", /) -> str:
        if self._is_a_copy:
            raise EOFError(_NOBODY)
        with self._asking:
            self._flush()
            self._send({"op": "input", "id": self._cell, "prompt": str(prompt)[:_LONGEST_PROMPT]})
            while True:
                # An interrupt gets through here; one that comes just before is noticed soon.
                if not select.select([self._channel.sock], [], [], _SOON)[0]:
                    continue
                with self._interrupts.held():
                    frame = self._channel.receive()
                if frame is None:
                    os._exit(0)
                header, body = frame
                if header["op"] == "answer" and header["id"] == self._cell:
                    if header["refused"]:
                        raise EOFError(_NOBODY)
                    return body.decode()

    def _leave_to_parent(self) -> None:
        """In what a cell forks: cells are for the parent. Not so in what becomes a branch."""
        if not self._branching:
            self._interrupts.leave_to_parent()
            self._channel.sock.close()


def _exit_code(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1


def _where(task: Any) -> Any:
    """The place at which a task was cancelled, as a traceback."""
    import asyncio

    try:
        task.result()
    except asyncio.CancelledError as error:
        return error.__traceback__


def _encode(form: Any) -> tuple[str, bytes]:
    if isinstance(form, (bytes, bytearray)):
        return "binary", bytes(form)
    if isinstance(form, str):
        return "text", form.encode("utf-8", "replace")
    try:
        data = json.dumps(form).encode()
        return ("json" if len(data) <= values.MOST_JSON else "text"), data
    except (TypeError, ValueError, RecursionError):
        return "text", display.text_of(form).encode("utf-8", "replace")


def _why(error: Exception) -> str:
    """What it says, or at least its kind: MemoryError says nothing."""
    return (str(error) or type(error).__name__)[:_LONGEST_PROMPT]


def _split(body: bytes, sizes: list[int]) -> list[bytes]:
    parts: list[bytes] = []
    start = 0
    for size in sizes:
        parts.append(body[start : start + size])
        start += size
    return parts


def _limit_memory(room: int | None) -> None:
    """Let this process take ``room`` bytes more than it has; ``None`` for what it may at most."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = hard if room is None else min(_data_size() + room, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_size() -> int:
    """Bytes that RLIMIT_DATA counts."""
    try:
        return confine.data_size()
    except OSError:  # without namespaces there is no /proc to read
        return _least_data_limit()


def _least_data_limit() -> int:
    """The least RLIMIT_DATA at which the kernel still gives a page."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    low, high = 0, hard
    while high - low > resource.getpagesize():
        middle = (low + high) // 2
        resource.setrlimit(resource.RLIMIT_DATA, (middle, hard))
        try:
            mmap.mmap(-1, 1, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
            high = middle
        except OSError:
            low = middle
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    return high

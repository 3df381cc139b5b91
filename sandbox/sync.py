"""The synchronous form, for scripts, threads and notebooks: the same sandbox, on a loop of its own.

One thread of each process runs the event loop behind all synchronous sandboxes. Callers wait for it
in whatever thread they are, also in one whose own event loop is running (which waits as well).
"""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from .errors import UsageError
from .sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
    from types import TracebackType

    from .cell import CellEvent
    from .policy import Policy
    from .result import Artifact, CellResult, CodeResult, OutputEvent
    from .session import Session

T = TypeVar("T")


def run(
    code: str,
    policy: Policy | None = None,
    *,
    language: str = "python",
    env: Mapping[str, str] | None = None,
) -> CodeResult:
    """Run ``code`` in a sandbox of its own, and return what it did.

    Who runs more than one program starts faster with ``with Sandbox() as box``, which also keeps
    the files of one run for the next.

    Raises
    ------
    UsageError
        Unknown language, a program over 64 MiB.
    BackendError
        The backend failed, not the program.

    >>> run("print(1 + 1)").output
    '2\\n'
    """
    with Sandbox(policy) as box:
        return box.run(code, language=language, env=env)


class SyncSandbox:
    """A :class:`~.sandbox.Sandbox` whose methods wait. Made by ``with Sandbox() as box``.

    It may be used by several threads at one time. What a method takes, gives and raises is what
    that of :class:`~.sandbox.Sandbox` does.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._loop = _Loop.of_this_process()
        self._loop.wait(sandbox.start())

    @property
    def policy(self) -> Policy:
        return self._sandbox.policy

    def run(
        self,
        code: str,
        *,
        language: str = "python",
        file: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> CodeResult:
        """Run ``code`` in a fresh interpreter and return what it did."""
        return self._loop.wait(
            self._sandbox.run(code, language=language, file=file, env=env, timeout=timeout)
        )

    def stream(
        self,
        code: str,
        *,
        language: str = "python",
        file: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Generator[OutputEvent | CodeResult, None, None]:
        """As :meth:`run`, telling the output as it is printed; the result comes last.

        Closing the generator kills the program, as leaving a ``for`` loop over it soon does.
        """
        return self._loop.iterate(
            self._sandbox.stream(code, language=language, file=file, env=env, timeout=timeout)
        )

    def session(
        self,
        *,
        language: str = "python",
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        lifetime: float | None = None,
        on_input: Callable[[str], str] | None = None,
    ) -> SyncSession:
        """A live interpreter, for use with ``with``. ``on_input`` is called on another thread."""
        session = self._sandbox.session(
            language=language,
            env=env,
            timeout=timeout,
            lifetime=lifetime,
            on_input=None if on_input is None else _on_a_thread(on_input),
        )
        return SyncSession(session, self._loop)

    def write_file(self, path: str, data: bytes | str) -> None:
        """Put a file into the workspace, making the folders above it."""
        self._loop.wait(self._sandbox.write_file(path, data))

    def read_file(self, path: str) -> bytes:
        """The content of a regular file of the workspace, up to 256 MiB."""
        return self._loop.wait(self._sandbox.read_file(path))

    def list_files(self) -> list[Artifact]:
        """The regular files of the workspace, by path."""
        return self._loop.wait(self._sandbox.list_files())

    def close(self) -> None:
        """Kill what runs, and remove everything; idempotent, bounded in time."""
        self._loop.wait(self._sandbox.close())


class SyncSession:
    """A :class:`~.session.Session` whose methods wait. Made by :meth:`SyncSandbox.session`."""

    def __init__(self, session: Session, loop: _Loop) -> None:
        self._session = session
        self._loop = loop

    def run(
        self,
        code: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        memory: int | str | None = None,
    ) -> CellResult:
        """Run one cell and return what it did, with the value of its last expression."""
        return self._loop.wait(
            self._session.run(code, inputs=inputs, timeout=timeout, memory=memory)
        )

    def stream(
        self,
        code: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        memory: int | str | None = None,
    ) -> Generator[CellEvent, None, None]:
        """As :meth:`run`, telling text and rich outputs as they come; the result comes last."""
        return self._loop.iterate(
            self._session.stream(code, inputs=inputs, timeout=timeout, memory=memory)
        )

    def interrupt(self) -> None:
        """Interrupt the cell that runs in another thread; the state stays."""
        self._loop.call(self._session.interrupt)

    def branch(self) -> SyncSession:
        """A fork of the live interpreter, for use with ``with``; this goes on undisturbed."""
        return SyncSession(self._session.branch(), self._loop)

    @contextmanager
    def branches(self, count: int) -> Generator[list[SyncSession], None, None]:
        """``count`` forks of the same state, closed together."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.branch()) for _ in range(count)]

    def write_file(self, path: str, data: bytes | str) -> None:
        """As :meth:`SyncSandbox.write_file`; a branch has files of its own."""
        self._loop.wait(self._session.write_file(path, data))

    def read_file(self, path: str) -> bytes:
        """As :meth:`SyncSandbox.read_file`."""
        return self._loop.wait(self._session.read_file(path))

    def list_files(self) -> list[Artifact]:
        """As :meth:`SyncSandbox.list_files`."""
        return self._loop.wait(self._session.list_files())

    def restart(self) -> None:
        """Give up the interpreter and its state; the next cell finds a new one."""
        self._loop.wait(self._session.restart())

    def close(self) -> None:
        """End the session with all that runs in it; idempotent, bounded in time."""
        self._loop.wait(self._session.close())

    def __enter__(self) -> Self:
        self._loop.wait(self._session.start())
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Loop:
    """The event loop of this process, and the thread that runs it, which ends with the process.

    So does every sandbox that was not closed, as always.
    """

    _current: ClassVar[_Loop | None] = None
    _making: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="sandcrew", daemon=True)
        self._thread.start()
        os.register_at_fork(after_in_child=self._forget)

    @classmethod
    def of_this_process(cls) -> _Loop:
        """The one there is, or a new one."""
        with cls._making:
            if cls._current is None:
                cls._current = cls()
            return cls._current

    @classmethod
    def _forget(cls) -> None:
        """Threads do not survive a fork, so that a child is to have a loop of its own."""
        cls._current = None
        cls._making = threading.Lock()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` on the loop and wait for its end; cancel it if the wait is interrupted.

        Raises
        ------
        UsageError
            Nobody could ever end that wait.
        """
        try:
            self._check()
        except UsageError:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, events: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """The events of an iteration that goes on on the loop."""
        try:
            while True:
                try:
                    yield self.wait(_next(events))
                except StopAsyncIteration:
                    return
        finally:
            self.wait(_end(events))

    def call(self, function: Callable[[], object]) -> None:
        """Call ``function`` on the loop soon."""
        self._check()
        self._loop.call_soon_threadsafe(function)

    def _check(self) -> None:
        if os.getpid() != self._pid:
            raise UsageError("This sandbox belongs to the process before the fork; make a new one.")
        if threading.current_thread() is self._thread:
            raise UsageError(
                "The thread of the sandbox cannot wait for itself; use the asynchronous form here."
            )

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


async def _end(events: AsyncGenerator[T, None]) -> None:
    await events.aclose()


async def _next(events: AsyncGenerator[T, None]) -> T:
    return await anext(events)


def _on_a_thread(function: Callable[[str], str]) -> Callable[[str], Coroutine[Any, Any, str]]:
    """So that what asks a person does not stop everybody's event loop."""

    async def answer(prompt: str) -> str:
        return await asyncio.to_thread(function, prompt)

    return answer

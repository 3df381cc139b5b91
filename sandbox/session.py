"""A live interpreter in a sandbox: what a cell leaves, the next one finds."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from . import branching, values
from .cell import Cell
from .errors import UsageError
from .language import find_language
from .live import LiveGuest
from .policy import Policy, parse_size
from .result import CellResult

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
    from types import TracebackType

    from .cell import CellEvent, OnInput
    from .result import Artifact
    from .workspace import Workspace
    from .zygote import Zygote

MAX_CELL = 16 << 20
"""Largest cell, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """How a session is to be. ``env`` comes on top of the policy's.

    ``alive`` are the sessions of the same sandbox, which ends them when it is closed.
    """

    language: str
    env: Mapping[str, str]
    timeout: float | None
    lifetime: float | None
    on_input: OnInput | None
    output: int
    alive: set[Session]


class Session:
    """A live interpreter. Made by :meth:`Sandbox.session`; belongs to one event loop.

    It starts by itself with the first cell. Cells run one at a time, in the order in which they
    were asked for. When its interpreter ends, by a crash or a limit, the result of that cell says
    so (``state_lost``), and the next cell finds a new one. A cell of Python that ends by
    ``SystemExit`` keeps the interpreter; in bash ``exit`` ends it.

    What threads, tasks and background jobs print between two cells belongs to the next. Tasks of
    asyncio go on only while a cell awaits something.
    """

    def __init__(self, ready: Callable[[], Awaitable[Zygote]], options: SessionOptions) -> None:
        self._ready = ready
        self._options = options
        self._live: LiveGuest | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cell: Cell | None = None
        self._called_off = False
        self._turn = asyncio.Lock()
        self._cells = 0
        self._closed: str | None = None
        self._life: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Get an interpreter ready; does nothing when there is one.

        Raises
        ------
        BackendUnavailable
            This host cannot give what the policy asks for.
        UsageError
            There are no sessions of this language.
        """
        async with self._my_turn():
            await self._interpreter()

    async def run(
        self,
        code: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        memory: int | str | None = None,
    ) -> CellResult:
        """Run one cell and return what it did, with the value of its last expression.

        Parameters
        ----------
        inputs:
            Variables to set before: JSON values, bytes, or tables (of pandas, polars, pyarrow),
            32 MiB in all. Python only.
        timeout:
            Seconds of wall time, waiting for ``on_input`` included, instead of the session's. The
            cell is interrupted then, which keeps the state; one that does not obey within a second
            is killed.
        memory:
            Bytes (or text such as ``"100MiB"``) that this cell may take on top of what the
            session holds; more raises ``MemoryError`` in it. Python only, and for code that means
            well: code that does not can lift it, up to the memory of the policy.

        Raises
        ------
        UsageError
            The session is closed or belongs to another event loop, or an input cannot be handed
            over. An exception of ``on_input`` interrupts the cell and comes out here as it is.
        BackendError
            The backend failed, not the cell.
        """
        events = self.stream(code, inputs=inputs, timeout=timeout, memory=memory)
        result: CellResult | None = None
        async with aclosing(events):
            async for event in events:
                if isinstance(event, CellResult):
                    result = event
        assert result is not None
        return result

    async def stream(
        self,
        code: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        memory: int | str | None = None,
    ) -> AsyncGenerator[CellEvent, None]:
        """As :meth:`run`, telling text and rich outputs as they come; the result comes last.

        Leaving the iteration interrupts the cell.
        """
        if self._options.language != "python" and (inputs or memory is not None):
            raise UsageError("Only cells of python take inputs and a limit of memory.")
        header, body = _cell(code, inputs or {}, memory)
        limit = self._options.timeout if timeout is None else Policy(timeout=timeout).timeout
        async with self._my_turn():
            self._called_off = False
            live = await self._interpreter()
            self._cells += 1
            self._cell = Cell(self._cells, limit, self._options.on_input)
            if self._called_off:
                self._cell.interrupt()
            events = self._cell.stream(live, header, body)
            try:
                async with aclosing(events):
                    async for event in events:
                        yield event
            finally:
                self._cell = None

    def interrupt(self) -> None:
        """Interrupt the cell that runs or is about to, as Ctrl-C does; the state stays.

        Cells that wait for their turn are not touched.
        """
        self._called_off = True
        if self._cell is not None:
            self._cell.interrupt()

    def branch(self) -> Branch:
        """A fork of the live interpreter, for use with ``async with``; this goes on undisturbed.

        It has what the interpreter holds, shared until one of them writes to it, and a copy of the
        files; limits, pids, a network and results of its own. Nothing it does can be seen here, so
        dropping it is going back. What runs here can see and end its processes, whose pid
        namespace lies in this one's (pid_namespaces(7)); never the other way round.

        Where guests have no namespaces of their own, in containers and in the profile ``landlock``,
        it has the same walls from Landlock (:mod:`.guest.landlocked_walls`), and differs in this:
        its files have other paths than here (relative ones, ``HOME``, ``TMPDIR`` and what is
        imported go on; absolute ones that the code keeps are refused), what is in ``/tmp`` and
        ``/dev/shm`` of a container stays here, no server can be started in it, ``chmod`` answers
        and does nothing, and it cannot be branched itself. Pages that are here at its beginning
        stay in memory as long as it lives.
        """
        return Branch(self, self._options)

    def branches(self, count: int) -> Branches:
        """``count`` forks of the same state, for use with ``async with``."""
        return Branches(self, count)

    async def fork(self) -> LiveGuest:
        """The interpreter of a branch, forked between two cells.

        Raises
        ------
        UsageError
            The interpreter holds what cannot be forked: threads, sockets, pipes, shared memory. Or
            it is none of python's.
        BackendError
            The kernel refused.
        """
        if self._options.language != "python":
            raise UsageError("Only sessions of python can be branched.")
        async with self._my_turn():
            live = await self._interpreter()
            return await branching.branch(live, self._options.output)

    async def write_file(self, path: str, data: bytes | str) -> None:
        """As :meth:`Sandbox.write_file`; a branch has files of its own."""
        body = data.encode() if isinstance(data, str) else data
        await asyncio.to_thread((await self._files()).write_file, path, body)

    async def read_file(self, path: str) -> bytes:
        """As :meth:`Sandbox.read_file`."""
        return await asyncio.to_thread((await self._files()).read_file, path)

    async def list_files(self) -> list[Artifact]:
        """As :meth:`Sandbox.list_files`."""
        return await asyncio.to_thread((await self._files()).list_files)

    async def restart(self) -> None:
        """Give up the interpreter and its state, and the cell that runs with it.

        The next cell finds a new one.
        """
        if self._cell is not None:
            self._cell.cancel()
        async with self._my_turn():
            await self._give_up()

    async def close(self) -> None:
        """End the session with all that runs in it; idempotent, bounded in time."""
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop) and not self._loop.is_closed():
            closing = asyncio.run_coroutine_threadsafe(self.close(), self._loop)
            return await asyncio.wrap_future(closing)
        self._closed = self._closed or "This session is closed; make a new one."
        if self._life is not None:
            self._life.cancel()
        if self._cell is not None and self._loop is loop:
            self._cell.cancel()
        await asyncio.shield(self._give_up())
        return None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    # --- inside ---

    async def _files(self) -> Workspace:
        async with self._my_turn():
            return (await self._interpreter()).workspace

    async def _start(self) -> LiveGuest:
        zygote = await self._ready()
        return await LiveGuest.start(zygote, self._job(zygote), self._options.output)

    @asynccontextmanager
    async def _my_turn(self) -> AsyncGenerator[None, None]:
        if self._loop not in (None, asyncio.get_running_loop()):
            raise UsageError("This session belongs to another event loop; make one for each.")
        async with self._turn:
            yield

    async def _interpreter(self) -> LiveGuest:
        if self._closed is not None:
            raise UsageError(self._closed)
        self._loop = asyncio.get_running_loop()
        if self._live is not None and self._live.ended:
            await self._give_up()
        if self._live is None:
            self._live = await self._start()
            self._options.alive.add(self)
            self._begin_life()
            if self._closed is not None:  # meanwhile
                await self._give_up()
                raise UsageError(self._closed)
        return self._live

    def _begin_life(self) -> None:
        if self._options.lifetime is not None and self._life is None:
            loop = asyncio.get_running_loop()
            self._life = loop.call_later(self._options.lifetime, self._expire)

    def _expire(self) -> None:
        self._closed = f"This session has ended after its {self._options.lifetime:g} s."
        if self._live is not None:
            self._live.guest.limit = "lifetime"
            self._live.guest.kill()

    async def _give_up(self) -> None:
        live, self._live = self._live, None
        try:
            if live is not None:
                await live.close()
        finally:
            self._options.alive.discard(self)

    def _job(self, zygote: Zygote) -> dict[str, Any]:
        argv = find_language(self._options.language, zygote.languages).session
        if argv is None:
            raise UsageError(f"There are no sessions of {self._options.language}; python has them.")
        return {
            "kind": "session",
            "argv": argv,
            "env": {**zygote.environment, **self._options.env},
            "address_space": zygote.address_space,
        }


class Branch(Session):
    """A fork of a session's live interpreter. Made by :meth:`Session.branch`.

    It is a session, and can be branched itself, but it begins only once: when its interpreter has
    ended, it is of no more use. It lives on when the session it came from is closed.
    """

    def __init__(self, parent: Session, options: SessionOptions) -> None:
        super().__init__(parent._ready, options)
        self._parent: Session | None = parent

    async def _start(self) -> LiveGuest:
        parent, self._parent = self._parent, None
        if parent is None:
            raise UsageError("The interpreter of this branch has ended; make another branch.")
        try:
            return await parent.fork()
        except BaseException:
            self._parent = parent  # it has not begun, and can be tried again
            raise


class Branches:
    """Several forks of one state, begun together and closed together."""

    def __init__(self, parent: Session, count: int) -> None:
        self._branches = [parent.branch() for _ in range(count)]
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> list[Branch]:
        async with AsyncExitStack() as stack:
            for branch in self._branches:
                await stack.enter_async_context(branch)
            self._stack = stack.pop_all()
        return self._branches

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()


def _cell(
    code: str, inputs: Mapping[str, Any], memory: int | str | None
) -> tuple[dict[str, Any], bytes]:
    source = code.encode("utf-8", "surrogatepass")
    if len(source) > MAX_CELL:
        raise UsageError(f"A cell of {len(source):,} bytes is over the limit of {MAX_CELL:,}.")
    dumped = {name: values.dump(name, value) for name, value in inputs.items()}
    for name in dumped:
        if not name.isidentifier():
            raise UsageError(f"{name!r} is not the name of a variable.")
    parts = [source, *(data for _, data in dumped.values())]
    size = sum(map(len, parts[1:]))
    if size > values.MOST:
        raise UsageError(f"Inputs of {size:,} bytes are over the limit of {values.MOST:,}.")
    header = {
        "sizes": [len(part) for part in parts],
        "inputs": [(name, kind) for name, (kind, _) in dumped.items()],
        "memory": None if memory is None else _positive(parse_size(memory)),
    }
    return header, b"".join(parts)


def _positive(size: int) -> int:
    if not 0 < size < 1 << 62:
        raise UsageError(f"{size:,} bytes is no limit of memory.")
    return size

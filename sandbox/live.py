"""A guest whose interpreter lives from one cell to the next, and the host's way to talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from . import evidence
from .channel import Channel
from .intake.frames import INTERPRETER, Strays
from .output import OutputCollector, add_event
from .rooms import Rooms
from .streams import OutputPipes
from .workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from .cgroup import Accounts
    from .intake.frames import Table
    from .network import Proxy
    from .network.log import NetworkLog
    from .output import Stream
    from .result import Contact, Denial, OutputEvent, RichOutput
    from .session_guests import SessionGuest
    from .zygote import Zygote

_FAREWELL = 1.0
"""Seconds an interpreter that has closed its socket has to end by itself, and say how."""


class Listener(Protocol):
    """Who wants to know what happens: the cell that runs."""

    def on_frame(self, header: dict[str, Any], body: bytes) -> bool:
        """The session said something; false if this was not waited for.

        Raises
        ------
        ValueError
            Nobody who means well says it.
        """
        ...

    def on_change(self) -> None:
        """There is output, or an end."""


class LiveGuest:
    """A guest that waits for cells. ``output`` is how many characters of each are kept.

    What it prints while no cell runs belongs to the next one.
    """

    def __init__(self, guest: SessionGuest, zygote: Zygote, output: int) -> None:
        self.guest = guest
        self.zygote = zygote
        self.events: deque[OutputEvent | RichOutput] = deque()
        self.rooms = Rooms(zygote, guest)
        self.proxy: Proxy | None = None
        self._calls_told = 0
        self._network_told: NetworkLog | None = None
        self._counted: Accounts | None = None
        self._limit = output
        self._workspace: Workspace | None = None
        self.collector = OutputCollector(output)
        self._listener: Listener | None = None
        self._pipes = OutputPipes(self._on_output, zygote.owner)
        ours, self._theirs = socket.socketpair()
        # What was printed before a frame is told before it: see interpreter.take_turn of the guest.
        self._channel = Channel(ours, INTERPRETER, self._on_frame, self._on_close, self.drain)
        self._strays = Strays()
        self._breach_told = False
        self._channel.attach()
        self._loop = asyncio.get_running_loop()
        self._interrupting: asyncio.Task[None] | None = None
        guest.on_end = self._changed

    @classmethod
    async def start(cls, zygote: Zygote, job: dict[str, Any], output: int) -> LiveGuest:
        """Make a guest of ``zygote`` a session.

        Raises
        ------
        BackendError
            No guest could be confined.
        """
        guest = await zygote.fork_session()
        live = cls(guest, zygote, output)
        try:
            await guest.ready()
            await live._begin(job)
        except BaseException:
            guest.kill()
            await live.close()
            raise
        return live

    @property
    def ended(self) -> bool:
        """True when there is no interpreter any more."""
        return self.guest.end is not None or self.guest.lost is not None

    def listen(self, listener: Listener | None, table: Table = INTERPRETER) -> None:
        """Tell ``listener`` what happens from now on; what may be said is in ``table``."""
        self._listener = listener
        self._channel.hear_only(table)

    def new_collector(self) -> None:
        """What is printed from now on belongs to the next cell."""
        self.collector = OutputCollector(self._limit)

    async def send(
        self, header: dict[str, Any], body: bytes = b"", fds: Sequence[int] = ()
    ) -> None:
        with contextlib.suppress(OSError):  # it has ended, which is told otherwise
            await self._channel.send(header, body, fds)

    def interrupt(self, cell: int) -> None:
        """Interrupt the cell of this number, which has been sent, or is next to be."""
        self._interrupting = asyncio.ensure_future(self._interrupt(cell))

    async def quiet(self) -> None:
        """Wait, for a bounded time, until no interrupt is on its way any more."""
        if self._interrupting is not None:
            await asyncio.wait([self._interrupting], timeout=_FAREWELL)
            self._interrupting = None
        await self.guest.quiet()

    async def ask_for_fork(self, parent: LiveGuest, namespaces: Sequence[int]) -> None:
        """Have the interpreter of ``parent`` fork; the fork will speak here."""
        try:
            fds = [*self._pipes.ends, self._theirs.fileno(), *namespaces]
            await parent.send({"op": "branch", "id": self.branch}, fds=fds)
        finally:
            self._pipes.close_ends()
            self._theirs.close()

    @property
    def branch(self) -> str:
        """What its parent is to call it in its answer, which may come late.

        No number, as cells have, so that it is not taken for an answer to the next one.
        """
        return f"branch {self.guest.number}"

    @property
    def files(self) -> list[tuple[int, int]]:
        """Device and inode of the pipes and the socket that the interpreter has from here."""
        found = [os.fstat(fd) for fd in (*self._pipes.ends, self._theirs.fileno())]
        return [(file.st_dev, file.st_ino) for file in found]

    @property
    def workspace(self) -> Workspace:
        """The files of this interpreter: those of the sandbox, or a branch's own copy."""
        return self.zygote.workspace if self._workspace is None else self._workspace

    def drain(self) -> None:
        """Take what has been printed by now."""
        self._pipes.drain()

    def take_events(self) -> list[OutputEvent | RichOutput]:
        """What happened since the last call, in order."""
        events = list(self.events)
        self.events.clear()
        return events

    def since_last_cell(
        self,
    ) -> tuple[Accounts | None, tuple[Denial, ...], tuple[Contact, ...]]:
        """What was used, refused and contacted since the last call."""
        now = self.guest.accounts_now()
        used, self._counted = evidence.since(self._counted, now), now
        self.guest.hear()
        calls = self.guest.denied_calls[self._calls_told :]
        self._calls_told += len(calls)
        breach, self._breach_told = None if self._breach_told else self.guest.breach, True
        if self.proxy is None:
            return used, evidence.denials(calls, (), breach), ()
        log = self.proxy.log
        new, self._network_told = log.since(self._network_told), log
        return used, evidence.denials(calls, new.refused, breach), new.contacted

    async def left(self) -> tuple[Denial, ...]:
        """What is to be told of the work folder; a branch has files of its own."""
        is_shared = self._workspace is None and self.zygote.alive
        return await self.zygote.left() if is_shared else ()

    async def close(self) -> None:
        """Kill the interpreter, and wait until it is gone; idempotent."""
        self.rooms.clear()
        self._channel.close()
        self._theirs.close()
        try:
            if self._loop is not asyncio.get_running_loop():
                self.guest.kill()  # of its end that loop would have heard
            elif not self.ended:
                await self.guest.dead()
        finally:
            self.drain()
            self._pipes.close()
            is_branch = self._workspace is not None
            if self._workspace is not None:
                os.close(self._workspace.dir_fd)
                self._workspace = None
                await self._discard()
            if self.proxy is not None:
                proxy, self.proxy = self.proxy, None
                await proxy.close()
            if not is_branch:
                await self.zygote.log_left()

    def open_door(self) -> None:
        """Accept what the guest sends to its proxy; its network has no other way out."""
        door = self.guest.take_door()
        if door is not None:
            self.proxy = self.zygote.new_proxy()
            self.proxy.start(door)

    def own_workspace(self, folder: int, discard: Callable[[], Awaitable[None]]) -> None:
        """Have the files in ``folder``, a descriptor that is closed with this.

        Then ``discard`` is called, when nobody uses them any more.
        """
        self._discard = discard
        owner = self.zygote.owner
        self._workspace = Workspace(folder, None if owner is None else (owner, owner))

    # --- inside ---

    async def _interrupt(self, cell: int) -> None:
        # A signal that comes before the cell is read is nobody's. So it is said in words before:
        # whoever has begun a cell without having heard them will get the signal in it.
        await self.send({"op": "interrupt", "id": cell})
        self.guest.interrupt()

    async def _begin(self, job: dict[str, Any]) -> None:
        self.open_door()
        self.zygote.watch(self.guest)
        try:
            await self.guest.send_job(job, b"", [*self._pipes.ends, self._theirs.fileno()])
        finally:
            self._pipes.close_ends()
            self._theirs.close()

    def _on_output(self, stream: Stream, data: bytes) -> None:
        event = self.collector.feed(stream, data)
        if event is not None:
            add_event(self.events, event)
            self._changed()

    def _on_frame(self, header: dict[str, Any], fds: list[int], body: bytes) -> None:
        for fd in fds:  # nobody in there has any to give, and the tables say so
            os.close(fd)
        try:
            waited_for = self._listener is not None and self._listener.on_frame(header, body)
            if not waited_for and not self._strays.allow(len(body)):
                raise ValueError("it said more than anybody waits for")
        except ValueError as error:
            self._channel.close()
            self._on_close(str(error))

    def _on_close(self, why: str | None) -> None:
        """An interpreter that hears no cells is of no use; most often it is just ending."""
        if why is None:
            asyncio.get_running_loop().call_later(_FAREWELL, self.guest.kill)
        else:
            self.guest.break_off(why)
            self._changed()

    def _changed(self) -> None:
        if self._listener is not None:
            self._listener.on_change()

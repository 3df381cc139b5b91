"""Where kernels run: in a sandbox, or on the host itself."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Protocol

from ...sandbox.output import OutputCollector
from ...sandbox.result import CodeResult, Usage
from ..supervised import LINGER_SECONDS, SupervisedProcess
from .connection import CHANNELS, Connection, Rendezvous
from .guest_code import kernel_program

if TYPE_CHECKING:
    from ...sandbox.cgroup import Accounts
    from ...sandbox.process import Process
    from ...sandbox.result import Artifact, Contact, Denial
    from ...sandbox.sandbox import Sandbox
    from ...sandbox.workspace import Workspace
    from ..local_place import Place as LocalFolders
    from .kernel import Line, Listener
    from .spec import KernelSpec


async def wire(kernel: ConfinedKernel | LocalKernel, on_message: Listener) -> Line:
    """The wire to a kernel with sockets, as soon as it has made them."""
    from .wire import Wire  # with libzmq

    await kernel.reachable()
    return Wire(kernel.connection, on_message)


LOOK_SECONDS = 0.004
"""How often to look whether a kernel has made its sockets."""
_FIGURES = "module://matplotlib_inline.backend_inline"


class Files(Protocol):
    """What a result needs of a workspace: :class:`~sandcrew.sandbox.workspace.Workspace`."""

    def snapshot(self) -> Any:
        """The state of the files, to be compared with later."""

    def artifacts(self, before: Any) -> tuple[Artifact, ...]:
        """The files that have changed since."""
        ...

    def write_file(self, path: str, data: bytes) -> None:
        """Put a file there."""


class PlacedKernel(Protocol):
    """A kernel's process together with its place."""

    @property
    def workspace(self) -> Files:
        """The workspace, seen from here."""
        ...

    async def connect(self, on_message: Listener) -> Line:
        """Wait until it can be talked to, and listen."""
        ...

    def interrupt(self) -> None:
        """As Ctrl-C does."""

    async def wait(self) -> CodeResult:
        """Wait until it has ended: how, and what it printed past the protocol."""
        ...

    async def close(self) -> None:
        """Kill it with all it started; idempotent."""

    @property
    def accounts(self) -> Accounts | None:
        """What has been counted of it until now, where something counts."""
        ...

    def usage_since(self, before: Accounts | None) -> Usage:
        """What it has used since :attr:`accounts` were these."""
        ...

    async def look_at_files(self) -> None:
        """Find what it has left in a work folder of the caller's, to be among the denials."""

    @property
    def denials(self) -> tuple[Denial, ...]:
        """What it was refused until now."""
        ...

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """The hosts it reached until now."""
        ...

    @property
    def isolation(self) -> tuple[str, ...]:
        """The layers around it."""
        ...


class ConfinedKernel:
    """A kernel in a guest of a sandbox; made by :meth:`launch`."""

    def __init__(self, process: Process, rendezvous: Rendezvous, connection: Connection) -> None:
        self._process = process
        self._rendezvous = rendezvous
        self._lent = False
        self._names = connection.base.rpartition("/")[2]
        self.connection = connection
        self.workspace = process.workspace

    @classmethod
    async def launch(
        cls, box: Sandbox, spec: KernelSpec, lent: tuple[Rendezvous, Connection] | None = None
    ) -> ConfinedKernel:
        """Start the kernel of ``spec`` in a guest of ``box``.

        Its addresses are new, or ``lent`` by somebody who goes on to use them.
        """
        rendezvous = lent[0] if lent else Rendezvous()
        try:
            connection = lent[1] if lent else Connection.new(rendezvous.base)
            code = kernel_program(spec, connection.key)
            env = {"MPLBACKEND": _FIGURES, **spec.env}
            process = await box.start_process(code, env=env)
        except BaseException:
            if lent is None:
                rendezvous.close()
            raise
        kernel = cls(process, rendezvous, connection)
        kernel._lent = lent is not None
        return kernel

    async def connect(self, on_message: Listener) -> Line:
        return await wire(self, on_message)

    async def reachable(self) -> None:
        """Wait until its sockets are there."""
        for number in range(1, len(CHANNELS) + 1):
            while True:
                with suppress(FileNotFoundError):
                    socket = self._process.open_socket(f"k-{number}")
                    self._rendezvous.hold(f"{self._names}-{number}", socket)
                    break
                await asyncio.sleep(LOOK_SECONDS)

    def interrupt(self) -> None:
        self._process.interrupt()

    async def wait(self) -> CodeResult:
        return await self._process.wait()

    async def close(self) -> None:
        try:
            await self._process.close()
        finally:
            if not self._lent:
                self._rendezvous.close()

    @property
    def accounts(self) -> Accounts | None:
        return self._process.accounts

    def usage_since(self, before: Accounts | None) -> Usage:
        return self._process.usage_since(before)

    async def look_at_files(self) -> None:
        await self._process.look_at_files()

    @property
    def denials(self) -> tuple[Denial, ...]:
        return self._process.denials

    @property
    def contacts(self) -> tuple[Contact, ...]:
        return self._process.contacts

    @property
    def isolation(self) -> tuple[str, ...]:
        return self._process.isolation


class LocalKernel:
    """A kernel on the host itself, with all the rights of the caller; made by :meth:`launch`."""

    isolation: tuple[str, ...] = ()
    accounts = None
    denials: tuple[Denial, ...] = ()
    contacts: tuple[Contact, ...] = ()

    def __init__(
        self,
        process: SupervisedProcess,
        rendezvous: Rendezvous,
        connection: Connection,
        workspace: Workspace,
    ) -> None:
        self._process = process
        self._rendezvous = rendezvous
        self._collector = OutputCollector()
        self._reading = asyncio.ensure_future(self._read())
        self.connection = connection
        self.workspace = workspace

    @classmethod
    async def launch(cls, folders: LocalFolders, spec: KernelSpec) -> LocalKernel:
        rendezvous = Rendezvous()
        try:
            connection = Connection.new(rendezvous.base)
            file = rendezvous.path / "kernel.json"
            file.touch(0o600)
            file.write_text(connection.file())
            env = {**os.environ, "MPLBACKEND": _FIGURES, **spec.env}
            process = await SupervisedProcess.start(
                spec.command(str(file)), cwd=str(folders.work_dir), env=env
            )
        except BaseException:
            rendezvous.close()
            raise
        return cls(process, rendezvous, connection, folders.workspace)

    async def connect(self, on_message: Listener) -> Line:
        return await wire(self, on_message)

    async def reachable(self) -> None:
        """Wait until its sockets are there."""
        for number in range(1, len(CHANNELS) + 1):
            while not self._rendezvous.is_there(number):  # noqa: ASYNC110 (nobody would tell)
                await asyncio.sleep(LOOK_SECONDS)

    def usage_since(self, before: Accounts | None) -> Usage:
        return Usage()

    def interrupt(self) -> None:
        self._process.interrupt()

    async def wait(self) -> CodeResult:
        await asyncio.shield(self._reading)
        ending = await self._process.ending()
        return CodeResult(
            exit_code=ending.exit_code,
            output=self._collector.output,
            stdout=self._collector.stdout,
            stderr=self._collector.stderr,
            usage=ending.usage,
        )

    async def look_at_files(self) -> None:
        """Whoever may write everywhere needs no links for it."""

    async def close(self) -> None:
        try:
            await self._process.close()
            await asyncio.wait([self._reading], timeout=LINGER_SECONDS)
        finally:
            self._reading.cancel()
            self._rendezvous.close()

    async def _read(self) -> None:
        async with aclosing(self._process.output()) as output:
            async for stream, data in output:
                self._collector.feed(stream, data)

"""A program in a guest that lives on while one talks to it, such as a Jupyter kernel."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from . import evidence
from .errors import BackendCrashed
from .guest import kernel
from .result import CodeResult
from .runs import Run

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .cgroup import Accounts
    from .guests import Guest
    from .result import Contact, Denial, OutputEvent, Usage
    from .workspace import Workspace


class Process(Run):
    """A program without a time limit, from :meth:`.Sandbox.start_process`.

    It is confined as any run of its sandbox and ends with it at the latest. Whoever has one must
    :meth:`close` it.
    """

    def __init__(self, output: int) -> None:
        super().__init__(timeout=None, output=output)
        self._begun = asyncio.Event()
        self._following: asyncio.Task[CodeResult] | None = None
        self._box_workspace: Workspace | None = None

    async def follow(
        self, events: AsyncGenerator[OutputEvent | CodeResult, None], workspace: Workspace
    ) -> None:
        """Let it run, and return as soon as the program has been started.

        Raises
        ------
        BackendError
            No guest could be confined, so that nothing ran.
        """
        self._box_workspace = workspace
        self._following = asyncio.ensure_future(_last(events))
        begun = asyncio.ensure_future(self._begun.wait())
        try:
            await asyncio.wait([self._following, begun], return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            await asyncio.shield(self.close())
            raise
        finally:
            begun.cancel()
        if self._following.done():
            self._following.result()

    @property
    def workspace(self) -> Workspace:
        """The workspace of its sandbox, seen from here."""
        assert self._box_workspace is not None
        return self._box_workspace

    @property
    def isolation(self) -> tuple[str, ...]:
        """The layers around it."""
        return self._isolation

    @property
    def denials(self) -> tuple[Denial, ...]:
        """What it was refused until now, and has left as far as :meth:`look_at_files` found."""
        return self._denials()

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """The hosts it reached until now."""
        return self._proxy.log.contacted if self._proxy else ()

    @property
    def accounts(self) -> Accounts | None:
        """What its cgroup has counted until now, if it has one."""
        return self._guest.accounts_now() if self._guest else None

    def usage_since(self, before: Accounts | None) -> Usage:
        """What it has used since :attr:`accounts` were these."""
        return evidence.usage({}, evidence.since(before, self.accounts))

    def open_socket(self, name: str) -> int:
        """The Unix socket ``name`` in the program's ``/tmp``, as an O_PATH descriptor.

        The caller closes it, and connects to ``/proc/self/fd/N`` (unix(7) resolves the path, and
        this one can lead nowhere else). The folder is the guest's: a link there, which would let
        the guest choose whom the host talks to, is refused. What speaks at the other end is
        hostile all the same.

        Raises
        ------
        FileNotFoundError
            There is none yet, or the program has ended.
        BackendCrashed
            It is a link or no socket.
        """
        guest = self._guest
        if guest is None or guest.end is not None or guest.lost is not None:
            raise FileNotFoundError(f"no {name} any more: the program has ended")
        try:
            fd = kernel.open_beneath(guest.folder, name, os.O_PATH | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise BackendCrashed(f"{name} of a guest cannot be opened: {error}.") from error
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            os.close(fd)
            raise BackendCrashed(f"{name} of a guest is a link or a file, and no socket.")
        return fd

    async def wait(self) -> CodeResult:
        """Wait until it has ended: how, and what it printed itself.

        Raises
        ------
        BackendError
            The sandbox was lost.
        """
        assert self._following is not None
        return await asyncio.shield(self._following)

    async def close(self) -> None:
        """Kill it with all it started, and wait until it is gone; idempotent."""
        self.cancel()
        if self._following is not None:
            await asyncio.wait([self._following])
            if not self._following.cancelled():
                self._following.exception()  # whoever waits for it is told; nobody need

    async def _start(
        self, guest: Guest, job: tuple[dict[str, Any], bytes], owner: int | None
    ) -> None:
        await super()._start(guest, job, owner)
        self._begun.set()


async def _last(events: AsyncGenerator[OutputEvent | CodeResult, None]) -> CodeResult:
    result: CodeResult | None = None
    async with aclosing(events):
        async for event in events:
            if isinstance(event, CodeResult):
                result = event
    assert result is not None
    return result

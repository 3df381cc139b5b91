"""A folder of the caller's that is the workspace: its limits, and what is not to stay in it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

from .folder_sweep import FolderSweep
from .folder_watch import FolderWatch
from .intake.names import shown_name

if TYPE_CHECKING:
    from .policy import Policy
    from .result import Denial

_log = logging.getLogger(__name__)


class WorkFolder:
    """Watches the open ``folder`` while guests are there, and looks through it afterwards."""

    def __init__(self, policy: Policy, folder: int) -> None:
        self.watch = FolderWatch(folder, int(policy.disk), policy.files)
        self._sweep = FolderSweep(folder, policy.files)

    @classmethod
    async def begin(cls, policy: Policy, folder: int) -> Self | None:
        """Know what is in ``folder`` before any guest is; ``None`` if it is not the caller's."""
        if policy.workdir is None:
            return None
        bound = cls(policy, folder)
        try:
            await bound.watch.begin()
            await bound._sweep.begin()
        except BaseException:
            bound.close()
            raise
        return bound

    async def sweep(self, *, devices_only: bool) -> tuple[Denial, ...]:
        """As :meth:`.FolderSweep.look`."""
        return await self._sweep.look(devices_only=devices_only)

    async def sweep_to_log(self, *, devices_only: bool) -> None:
        """The same, when there is no result any more that could tell of what is found."""
        for denial in await self.sweep(devices_only=devices_only):
            subject, reason = shown_name(denial.subject), shown_name(denial.reason)
            _log.warning("Left in the work folder: %s, %s (%s)", denial.kind, subject, reason)

    def close(self) -> None:
        """Watch no more; twice is no error."""
        self.watch.close()
        self._sweep.close()

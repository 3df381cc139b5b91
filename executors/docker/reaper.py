"""Removes what owners left who were killed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ...sandbox.errors import BackendError
from . import bound, labels, mailbox, podman
from .container import Container
from .engine import in_thread

if TYPE_CHECKING:
    from .engine import Engine


async def reap(engine: Engine) -> None:
    """Remove the containers of dead owners, and their folders here."""
    for kind in (mailbox, bound, podman):
        await in_thread(kind.reap)
    found = await engine.call(
        "list containers", engine.client.containers, all=True, filters={"label": labels.OWNER}
    )
    for item in found:
        if labels.is_abandoned(item.get("Labels") or {}):
            container = Container(engine, item["Id"])
            with contextlib.suppress(BackendError):  # the next start's
                await container.end(remove=True)

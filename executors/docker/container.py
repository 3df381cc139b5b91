"""One container, from its creation to its removal."""

from __future__ import annotations

import contextlib
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

from ...sandbox.errors import BackendCrashed, BackendError
from .engine import to_the_end
from .errors import ignoring, name_taken, status_of
from .podman import as_podman_has_it

if TYPE_CHECKING:
    from .engine import Engine


_REMOVAL = 20
"""Seconds until a container is gone that the engine is about to remove."""


class Container:
    """A container this process has made."""

    def __init__(self, engine: Engine, identifier: str) -> None:
        self.engine = engine
        self.id = identifier

    @classmethod
    async def create(
        cls, engine: Engine, name: str | None, body: dict[str, Any], platform: str | None
    ) -> Container:
        """Create it; nothing runs yet.

        Raises
        ------
        BackendError
            The engine refused.
        """
        return await to_the_end(
            cls._create(engine, name, body, platform), lambda made: made.end(remove=True)
        )

    @classmethod
    async def _create(
        cls, engine: Engine, name: str | None, body: dict[str, Any], platform: str | None
    ) -> Container:
        create = engine.client.create_container_from_config
        understanding = as_podman_has_it(body) if engine.is_podman else nullcontext(body)
        try:
            with understanding as understood:
                made = await engine.call("create a container", create, understood, name, platform)
        except BackendError as error:
            if status_of(error) == 409 and name is not None:
                raise name_taken(name) from error
            raise
        return cls(engine, made["Id"])

    async def start(self) -> None:
        await self.engine.call("start a container", self.engine.client.start, self.id)

    async def inspect(self) -> dict[str, Any] | None:
        """What the engine knows of it; ``None`` when it is gone."""
        client = self.engine.client
        with ignoring(404):
            found = await self.engine.call("look at a container", client.inspect_container, self.id)
            return cast("dict[str, Any]", found)
        return None

    async def is_running(self) -> bool:
        found = await self.inspect()
        return found is not None and bool(found["State"].get("Running"))

    async def pid(self) -> int:
        """Its first process, as the engine's host numbers it; 0 if it has ended."""
        found = await self.inspect()
        return 0 if found is None else int(found["State"].get("Pid") or 0)

    async def end(self, *, remove: bool) -> None:
        """Kill it at once; with ``remove`` nothing of it stays. Done twice is no error."""
        # Without an engine it ends by itself, when the host's end of its socket closes.
        with ignoring(404), contextlib.suppress(BackendCrashed):
            if remove:
                await self._remove()
            else:
                with ignoring(409):  # not running
                    await self.engine.call("kill a container", self.engine.client.kill, self.id)

    async def _remove(self) -> None:
        client, call = self.engine.client, self.engine.call
        try:
            await call("remove a container", client.remove_container, self.id, force=True, v=True)
        except BackendError as error:
            if status_of(error) != 409:
                raise
            # It has ended, and the engine is about to.
            wait = {"condition": "removed", "timeout": _REMOVAL}
            await call("wait for the end of a container", client.wait, self.id, **wait)

    async def last_words(self) -> str:
        """What it printed at last."""
        with contextlib.suppress(BackendError):
            text = await self.engine.call(
                "read a container's log", self.engine.client.logs, self.id, tail=20
            )
            lines = text.decode("utf-8", "replace").strip().splitlines()
            return lines[-1] if lines else ""
        return ""

"""Where our guest cannot run: then blocks go by the engine's ``exec``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ...sandbox.errors import BackendError, BackendUnavailable
from .container import Container
from .images import require_architecture

if TYPE_CHECKING:
    from .engine import Engine

_PATIENCE = 10
"""Seconds a container has to fail once more."""
_NOT_FOUND = 127
_ABSENT = ("no such file", "not found")


class NoGuest(BackendUnavailable):
    """The guest cannot run there, or cannot call from there; other code may run."""


async def why_it_ended(
    engine: Engine, image: str, python: str, body: dict[str, Any], platform: str | None
) -> BackendUnavailable:
    """The error for a container of ``body`` that ended before its guest could call.

    Such a container removes itself with all it said. So another one is made that does not, and in
    which the interpreter is the first process, so that it is the engine who says if there is none.
    """
    if platform is None:
        await require_architecture(engine, image)
    body = {**body, "HostConfig": {**body["HostConfig"], "AutoRemove": False, "Init": False}}
    container = await Container.create(engine, None, body, platform)
    code, words = 0, ""
    try:
        await container.start()
        answer = await engine.call(
            "wait for a container", engine.client.wait, container.id, timeout=_PATIENCE
        )
        code, words = int(answer["StatusCode"]), await container.last_words()
    except BackendError as error:
        words = str(error)
    finally:
        with contextlib.suppress(BackendError):
            await container.end(remove=True)
    if code == _NOT_FOUND or any(word in words.lower() for word in _ABSENT):
        return NoGuest(
            f"the image {image!r}",
            why=f"it has no interpreter {python!r}",
            remedy="Name the one it has with the option 'python', or take another image.",
        )
    return BackendUnavailable(
        f"the image {image!r}",
        why=f"{python} ended with {code} before it could call ({words or 'without a word'})",
        remedy="It is to be Python 3.9 or later; name another with the option 'python'.",
    )

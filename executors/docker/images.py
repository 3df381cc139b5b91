"""Images: found, or pulled."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

from ...sandbox.errors import BackendError, BackendUnavailable
from .errors import ignoring, no_image, status_of
from .progress import of_pull

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .engine import Engine
    from .progress import OnProgress

_PREFERRED = ("data", "base")
"""Images of ours, if they have been built."""
VERSION = version("sandcrew")
_COMMON = "python:3-slim"

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
"""How the kernel calls them, and how images do."""


def tag_of(name: str) -> str:
    """What the image of ours called ``name`` is called by engines."""
    return f"sandcrew/{name}:{VERSION}"


async def default_image(engine: Engine) -> str:
    """The image for whoever names none: one of ours that is there, or else the official Python."""
    for image in map(tag_of, _PREFERRED):
        if await inspect_image(engine, image) is not None:
            return image
    return _COMMON


async def ensure_image(
    engine: Engine, image: str, platform: str | None, on_progress: OnProgress | None
) -> dict[str, Any]:
    """What the engine knows of ``image``, which is pulled if it is not there.

    Raises
    ------
    BackendUnavailable
        It cannot be had, or is for another kind of machine.
    """
    try:
        found = await inspect_image(engine, image)
    except BackendError as error:
        if status_of(error) == 400:
            raise no_image(image, error.__cause__ or error) from error
        raise
    if found is None:
        await _pull(engine, image, platform, on_progress)
        found = await inspect_image(engine, image)
    if found is None:
        raise no_image(image, "the engine pulled something else")
    return found


async def inspect_image(engine: Engine, image: str) -> dict[str, Any] | None:
    """What the engine knows of ``image``; ``None`` when it has none of that name."""
    with ignoring(404):
        found = await engine.call(f"look at {image}", engine.client.inspect_image, image)
        return cast("dict[str, Any]", found)
    return None


async def _pull(
    engine: Engine, image: str, platform: str | None, on_progress: OnProgress | None
) -> None:
    loop = asyncio.get_running_loop()

    def pull() -> None:
        for line in engine.client.pull(image, stream=True, decode=True, platform=platform):
            if "error" in line:
                raise no_image(image, str(line["error"]))
            if on_progress is not None:
                loop.call_soon_threadsafe(on_progress, of_pull(image, line))

    try:
        await engine.call(f"pull {image}", pull)
    except BackendUnavailable:
        raise
    except BackendError as error:
        raise no_image(image, error.__cause__ or error) from error


async def require_architecture(engine: Engine, image: str) -> None:
    """Raise if an image is for another kind of machine than the engine's.

    Raises
    ------
    BackendUnavailable
        It is; an engine that can emulate it would have to be told so.
    """
    found = await inspect_image(engine, image) or {}
    architecture = str(found.get("Architecture", ""))
    machine = str((await engine.info()).get("Architecture", ""))
    own = _ARCHITECTURES.get(machine, machine)
    if architecture and own and architecture != own:
        raise BackendUnavailable(
            f"the image {image!r}",
            why=f"it is for {architecture}, and the engine runs on {own}",
            remedy=f"Pull the one for this machine (docker pull --platform linux/{own} {image}), "
            f"or say platform='linux/{architecture}' if the engine can emulate it.",
        )


def environment_of(image: Mapping[str, Any]) -> dict[str, str]:
    """The variables an image sets."""
    config: Mapping[str, Any] = image.get("Config") or {}
    variables: list[str] = config.get("Env") or []
    return dict(variable.split("=", 1) for variable in variables if "=" in variable)

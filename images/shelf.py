"""The images of ours that an engine has."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..executors.docker.engine import Engine
from ..executors.docker.errors import status_of
from ..sandbox.errors import BackendError, UsageError
from . import labels
from .recipes import RECIPES

if TYPE_CHECKING:
    from collections.abc import Mapping


_NAMELESS = "<none>:<none>"
"""What Docker calls an image whose name was given to a newer one."""


@dataclass(frozen=True, slots=True)
class Built:
    """An image on an engine."""

    name: str
    """Of its recipe."""
    version: str
    content: str
    identifier: str
    tags: tuple[str, ...]
    size: int
    """In bytes, of all its layers."""
    created: int
    """In seconds after the epoch."""

    @property
    def current(self) -> bool:
        """True when it is made from what is here now."""
        recipe = RECIPES.get(self.name)
        return recipe is not None and recipe.content == self.content


async def list_images() -> list[Built]:
    """Our images, the newest first.

    Raises
    ------
    BackendError
        There is no engine, or it failed.
    """
    with closing(await Engine.connect()) as engine:
        return await _list(engine)


async def _list(engine: Engine) -> list[Built]:
    found: list[dict[str, Any]] = await engine.call(
        "list images", engine.client.images, filters={"label": labels.IMAGE}
    )
    built = [_built(item) for item in found]
    return sorted(built, key=lambda image: image.created, reverse=True)


def _built(item: Mapping[str, Any]) -> Built:
    written: Mapping[str, str] = item.get("Labels") or {}
    return Built(
        written[labels.IMAGE],
        written.get(labels.VERSION, ""),
        written.get(labels.CONTENT, ""),
        str(item["Id"]),
        tuple(tag for tag in item.get("RepoTags") or () if tag != _NAMELESS),
        int(item["Size"]),
        int(item["Created"]),
    )


async def remove_image(name: str) -> list[Built]:
    """Remove all images of the recipe ``name``; says which there were.

    Raises
    ------
    UsageError
        A container or another image still needs one.
    BackendError
        There is no engine, or it failed.
    """
    with closing(await Engine.connect()) as engine:
        removed = [image for image in await _list(engine) if image.name == name]
        for image in removed:
            for reference in image.tags or (image.identifier,):
                await _remove(engine, reference)
        return removed


async def _remove(engine: Engine, reference: str) -> None:
    try:
        await engine.call(f"remove {reference}", engine.client.remove_image, reference)
    except BackendError as error:
        if status_of(error) == 409:
            raise UsageError(f"{reference} is in use: {error}") from error
        raise

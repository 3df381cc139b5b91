"""``sandcrew images``: builds, lists and removes the images of the Docker executor."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..sandbox.errors import UsageError
from .progress import show

if TYPE_CHECKING:
    from ..images import Built, Recipe

images_app = typer.Typer(help="The images of the Docker executor.", no_args_is_help=True)


@images_app.callback()
def images() -> None:
    """Build, list and remove the images of the Docker executor: base, data, jupyter."""


@images_app.command("build")
def build_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]…", help="All of them by default.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="IMAGE", help="What to build on; any Debian with Python and venv."),
    ] = None,
    ca_bundle: Annotated[
        Path | None,
        typer.Option(metavar="FILE.pem", help="Authorities to trust; not kept in the image."),
    ] = None,
    pip_config: Annotated[
        Path | None,
        typer.Option(metavar="pip.conf", help="How to install packages; not kept in the image."),
    ] = None,
    network: Annotated[
        str | None, typer.Option(metavar="NAME", help="The network of the build, such as host.")
    ] = None,
) -> int:
    """Build images, each after what it is built on."""
    from ..images import RECIPES, find_recipe

    wanted = [find_recipe(name) for name in names or RECIPES]
    asyncio.run(_build(_in_order(wanted), base, ca_bundle, pip_config, network))
    return 0


@images_app.command("list")
def list_command(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """List the images that are there."""
    from ..images import list_images

    built = asyncio.run(list_images())
    if json:
        from dataclasses import asdict
        from json import dumps

        found = [{**asdict(image), "current": image.current} for image in built]
        typer.echo(dumps({"images": found}))
    else:
        _show(built)
    return 0


@images_app.command("remove")
def remove_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]…", help="All of them by default.")
    ] = None,
) -> int:
    """Remove images, what others are built on last."""
    from ..images import RECIPES, find_recipe, remove_image

    for recipe in reversed(_in_order([find_recipe(name) for name in names or RECIPES])):
        for image in asyncio.run(remove_image(recipe.name)):
            typer.echo(f"removed {' '.join(image.tags) or image.identifier}")
    return 0


def _in_order(recipes: "list[Recipe]") -> "list[Recipe]":
    """Each once, and bases first."""
    return sorted(set(recipes), key=lambda recipe: (recipe.base is not None, recipe.name))


async def _build(
    recipes: "list[Recipe]",
    base: str | None,
    ca_bundle: Path | None,
    pip_config: Path | None,
    network: str | None,
) -> None:
    from ..images import build_image, list_images

    there = {image.name for image in await list_images() if image.current}
    for recipe in recipes:
        if recipe.base and recipe.base not in recipes and recipe.base.name not in there:
            raise UsageError(f"{recipe.name!r} is built on {recipe.base.name!r}: build that first.")
    for recipe in recipes:
        steps = build_image(
            recipe,
            base=None if recipe.base else base,
            ca_bundle=ca_bundle,
            pip_config=pip_config,
            network=network,
        )
        await show(steps, f"building {recipe.tag}")
    built = await list_images()
    _show([image for image in built if image.name in {recipe.name for recipe in recipes}])


def _show(built: "list[Built]") -> None:
    from rich.console import Console
    from rich.table import Table

    if not built:
        typer.echo("There are none; build them with: sandcrew images build")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("image", "version", "content", "size", ""):
        table.add_column(title, justify="right" if title == "size" else "left")
    for image in built:
        tag = image.tags[0] if image.tags else image.identifier[:19]
        state = "" if image.current else "outdated"
        size = f"{image.size / 1e6:.0f} MB"
        table.add_row(tag, image.version, image.content, size, state)
    Console(highlight=False).print(table)

"""The teams of ``sandcrew run --team``."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ...sandbox.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .crew import Crew, Means

NAMES = ("pair", "solo", "review", "magentic")


def crew_of(name: str) -> "Callable[[Means], Crew]":
    """What makes the crew called ``name``, or the one a TOML file of that name describes.

    Raises
    ------
    UsageError
        There is no such crew, or the file describes none.
    """
    if name in NAMES:
        make: Callable[[Means], Crew] = getattr(import_module(f".{name}", __name__), name)
        return make
    if name.endswith(".toml"):
        from .file import crew_from_file

        return crew_from_file(Path(name))
    raise UsageError(f"--team {name}: there are {', '.join(NAMES)}, or a file that ends in .toml.")

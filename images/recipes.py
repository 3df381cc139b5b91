"""How each image is made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..executors.docker.images import tag_of
from ..sandbox.errors import UsageError

FOLDER = Path(__file__).parent
"""What the engine gets to build from."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One image of ours."""

    name: str
    summary: str
    dockerfile: str
    packages: str = ""
    """The list of what is installed in it, if there is one."""
    base: Recipe | None = None
    """The image it is built on; without one that is a build argument."""

    @property
    def tag(self) -> str:
        """Its name for the engine."""
        return tag_of(self.name)

    @property
    def content(self) -> str:
        """A hash of all it is made from, its bases included."""
        digest = hashlib.sha256(self.base.content.encode() if self.base else b"")
        for file in filter(None, (self.dockerfile, self.packages)):
            digest.update((FOLDER / file).read_bytes())
        return digest.hexdigest()[:16]


_BASE = Recipe("base", "Python, an unprivileged user, nothing set-uid", "base.Dockerfile")
RECIPES = {
    recipe.name: recipe
    for recipe in (
        _BASE,
        Recipe(
            "data",
            "numpy, pandas, polars, pyarrow, duckdb, scipy, scikit-learn, matplotlib",
            "packages.Dockerfile",
            "data.txt",
            _BASE,
        ),
        Recipe("jupyter", "a Jupyter kernel", "packages.Dockerfile", "jupyter.txt", _BASE),
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe called ``name``.

    Raises
    ------
    UsageError
        There is none.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise UsageError(f"There is no image {name!r}: take {', '.join(RECIPES)}.") from None

"""The container images the Docker executor runs: how they are made, and which there are."""

from .building import build_image
from .recipes import RECIPES, Recipe, find_recipe
from .shelf import Built, list_images, remove_image

__all__ = [
    "RECIPES",
    "Built",
    "Recipe",
    "build_image",
    "find_recipe",
    "list_images",
    "remove_image",
]

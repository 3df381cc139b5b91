"""Packages whose names are loaded when they are used.

A program uses few of them, and most of the time to import all would go into validators of messages
it never sees.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def later(package: str, names: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The ``__getattr__`` (PEP 562) of a package, whose ``names`` are listed by submodule."""
    places = {name: module for module, listed in names.items() for name in listed}

    def load(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f".{places[name]}", package), name)
        setattr(sys.modules[package], name, value)
        return value

    return load

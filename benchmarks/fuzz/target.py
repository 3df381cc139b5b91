"""What is fuzzed: a function that takes in what guests made, and inputs for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True, slots=True)
class FuzzTarget:
    """One function under attack."""

    name: str
    """Its folder in the corpus, too: a plain word."""
    strategy: Callable[[], SearchStrategy[Any]]
    """Makes the inputs: bytes, or values whose ``repr`` is a Python literal. Called late, since
    hypothesis is there in development only."""
    check: Callable[[Any], None]
    """Raises if one input breaks a promise of the function: that it is total, that its results are
    bounded, that nothing active is left in them, …"""

"""The one shape of all that is timed: a contender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from ...sandbox import CodeResult

    Operation = Callable[[], Awaitable[float | None]]
    """Does the thing once. What it returns is its measure; ``None`` to be timed from outside."""

Unit = Literal["s", "/s", "B", "share"]

BARE = "python3 -c 'print(1+1)'"
"""The name of the floor that nearly all is compared with."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a measure, or its ratio to the floor, is meant to reach."""

    of: Literal["ratio", "measure"]
    sign: Literal["≤", "≥"]
    bound: float

    def met(self, measure: float, ratio: float) -> bool:
        value = ratio if self.of == "ratio" else measure
        return value <= self.bound if self.sign == "≤" else value >= self.bound


def expect(result: CodeResult, output: str | None = None) -> None:
    """Make sure that a run succeeded, and printed ``output``."""
    if result.exit_code or (output is not None and result.output != output):
        raise RuntimeError(f"exit code {result.exit_code}, output {result.output[-200:]!r}")


def installed() -> str | None:
    """For what comes with sandcrew itself: nothing is missing."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One row of the table.

    ``open`` sets it up once, gives the operation that is measured every round, and takes it down.

    >>> @asynccontextmanager
    ... async def warm_run():
    ...     async with Sandbox() as box:
    ...         yield lambda: box.run("print(1+1)")
    >>> Contender(name="a confined run", group="print(1+1)", open=warm_run)
    """

    name: str
    group: str
    """The heading it stands under."""
    open: Callable[[], AbstractAsyncContextManager[Operation]]
    unit: Unit = "s"
    floor: str | None = BARE
    """The contender of the same unit that its ratio is to, measured in the same rounds."""
    target: Target | None = None
    missing: Callable[[], str | None] = installed
    """Why it cannot be measured here and how to install it; ``None`` if it can."""
    most: int | None = None
    """Rounds it takes part in at most: for what takes seconds. With 1 there is no warm-up."""

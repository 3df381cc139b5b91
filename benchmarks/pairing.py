"""Paired, interleaved timings: on a shared machine only ratios within one run can be trusted."""

from __future__ import annotations

import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping


@dataclass(frozen=True, slots=True)
class Timing:
    """One row: seconds, and the ratio to the floor measured beside it, as medians."""

    name: str
    floor: str
    seconds: float
    ratio: float
    rounds: int


def command(*argv: str) -> Callable[[], Awaitable[object]]:
    """A subject that runs a whole process and makes sure that it succeeded."""

    async def run() -> None:
        subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)  # noqa: ASYNC221

    return run


def table(timings: list[Timing]) -> str:
    """The rows as aligned text."""
    return "\n".join(
        f"{row.name:32} {row.seconds * 1000:9.1f} ms {row.ratio:7.2f} x {row.floor}"
        for row in timings
    )


async def time_interleaved(
    subjects: Mapping[str, Callable[[], Awaitable[object]]], *, floor: str, rounds: int
) -> list[Timing]:
    """Run every subject once a round, ``rounds`` times after one round that does not count.

    The ratio is the median of the ratios within each round, so a machine that becomes slower
    half-way does not change it.
    """
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(rounds + 1):
        for name, subject in subjects.items():
            start = time.perf_counter()
            await subject()
            if number:
                seconds[name].append(time.perf_counter() - start)
    base = seconds[floor]
    return [
        Timing(
            name,
            floor,
            statistics.median(times),
            statistics.median(mine / its for mine, its in zip(times, base, strict=True)),
            rounds,
        )
        for name, times in seconds.items()
    ]

"""Measures all contenders interleaved.

On a shared machine only ratios within one run can be trusted.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from .table import Row, Skipped, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .contender import Contender, Operation

_PAUSE = 0.05
"""Seconds before each measurement, as a caller that thinks in between. A pool refills meanwhile."""
_PATIENCE = 180.0
"""Seconds for one operation."""


async def measure(
    contenders: Sequence[Contender], rounds: int, tell: Callable[[str], None] = lambda text: None
) -> Table:
    """Run every contender once a round, ``rounds`` times after one round that does not count.

    The measure is the median of the rounds, and the ratio the median of the ratios within each
    round, so a machine that becomes slower half-way does not change it. A contender that fails
    is left out with its error; the others go on.
    """
    skipped: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        running: dict[str, tuple[Contender, Operation]] = {}
        for contender in contenders:
            tell(f"start: {contender.name}")
            try:
                why = contender.missing()
                if why is None:
                    operation = await stack.enter_async_context(contender.open())
                    running[contender.name] = (contender, operation)
            except Exception as error:
                why = _words(error)
            if why is not None:
                skipped[contender.name] = why
        taken = await _rounds(running, rounds, skipped, tell)
    order = {contender.name: contender for contender in contenders}
    rows = [_row(order[name], taken) for name in order if taken.get(name)]
    missing = [Skipped(name, order[name].group, skipped[name]) for name in order if name in skipped]
    return Table(tuple(rows), tuple(missing))


async def _rounds(
    running: dict[str, tuple[Contender, Operation]],
    rounds: int,
    skipped: dict[str, str],
    tell: Callable[[str], None],
) -> dict[str, dict[int, float]]:
    """What each contender took in each round in which it took part."""
    taken: dict[str, dict[int, float]] = {name: {} for name in running}
    for number in range(rounds + 1):
        for name, (contender, operation) in running.items():
            most = contender.most or rounds
            if name in skipped or number > most or (number == 0 and most == 1):
                continue
            tell(f"{number}/{rounds}: {name}")
            await asyncio.sleep(_PAUSE)
            try:
                value = await _once(operation)
            except Exception as error:
                skipped[name] = _words(error)
                taken[name].clear()
                continue
            if number:
                taken[name][number] = value
    return taken


async def _once(operation: Operation) -> float:
    start = time.perf_counter()
    measure = await asyncio.wait_for(operation(), _PATIENCE)
    return time.perf_counter() - start if measure is None else measure


def _row(contender: Contender, taken: dict[str, dict[int, float]]) -> Row:
    mine, floor = taken[contender.name], taken.get(contender.floor or "", {})
    pairs = [mine[number] / floor[number] for number in mine.keys() & floor.keys()]
    values = sorted(mine.values())
    return Row(
        name=contender.name,
        group=contender.group,
        unit=contender.unit,
        measure=statistics.median(values),
        least=values[0],
        most=values[-1],
        rounds=len(values),
        floor=contender.floor if pairs else None,
        ratio=statistics.median(pairs) if pairs else None,
        target=contender.target,
    )


def _words(error: Exception) -> str:
    text = str(error).strip() or "no words"
    return f"{type(error).__name__}: {text.splitlines()[-1][:200]}"

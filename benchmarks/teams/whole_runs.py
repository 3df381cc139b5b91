"""What is seen of whole runs: long ones, and many at once."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .library import Library


async def long_run(library: Library, total: int = 10_000) -> str:
    """Whether the last turns of a long run are as fast as the first, and what it keeps."""
    pace, kept = await _pace(library, total), await _kept(library, total)
    return (
        f"{total:,} turns: the last tenth takes {pace:.2f} x the first; "
        f"the team keeps {kept:.2f} x the messages themselves"
    )


async def _pace(library: Library, total: int) -> float:
    pair = [library.instant_agent(name) for name in ("a", "b")]
    team = library.teams.RoundRobinGroupChat(pair, max_turns=total)
    async with aclosing(team.run_stream(task="go")) as items:
        marks = [time.perf_counter() async for _ in items]
    tenth = total // 10
    first, last = marks[tenth] - marks[0], marks[total] - marks[total - tenth]
    return last / first


async def _kept(library: Library, total: int) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        message = library.messages.TextMessage
        messages = [message(content="hello", source="a") for _ in range(total)]
        alone = tracemalloc.get_traced_memory()[0]
        del messages
        gc.collect()
        start = tracemalloc.get_traced_memory()[0]
        pair = [library.instant_agent(name) for name in ("a", "b")]
        team = library.teams.RoundRobinGroupChat(pair, max_turns=total)
        await team.run(task="go")
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - start) / alone
    finally:
        tracemalloc.stop()


async def many_teams(library: Library, count: int = 500) -> str:
    """Whether many teams at once in one process all come to their end."""
    teams = [library.teams.RoundRobinGroupChat(library.pair(), max_turns=10) for _ in range(count)]
    start = time.perf_counter()
    results = await asyncio.gather(*(team.run(task="go") for team in teams), return_exceptions=True)
    seconds = time.perf_counter() - start
    failures = sum(isinstance(result, BaseException) for result in results)
    return f"{count} teams at once: {failures} failures, {seconds:.1f} s"

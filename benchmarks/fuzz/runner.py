"""Tries a target with the inputs of the corpus, then with new ones."""

from __future__ import annotations

import importlib
import pkgutil
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .corpus import save, saved

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path
    from types import FrameType

    from .target import FuzzTarget

BATCH = 2_000
"""Cases for which hypothesis keeps what it has tried; so its own memory does not grow on."""
PATIENCE = 10.0
"""Seconds of processor time for one case. What is linear takes milliseconds."""


class TooSlow(Exception):
    """One case took more processor time than any linear function would."""


@dataclass
class Outcome:
    """What came of one target."""

    name: str
    cases: int = 0
    failures: list[tuple[str, Path]] = field(default_factory=list[tuple[str, "Path"]])
    """What was raised, and the file that has the input."""
    seconds: float = 0.0


def targets() -> tuple[FuzzTarget, ...]:
    """Those of all modules of this package that have ``TARGETS``, by name."""
    package = importlib.import_module(__package__ or "")
    found: list[FuzzTarget] = []
    for module in pkgutil.iter_modules(package.__path__):
        if module.name != "__main__":
            loaded = importlib.import_module(f"{package.__name__}.{module.name}")
            found += getattr(loaded, "TARGETS", ())
    return tuple(sorted(found, key=lambda target: target.name))


def run(
    target: FuzzTarget,
    cases: int,
    seed: int,
    folder: Path,
    progress: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Replay the corpus, then try new inputs until ``cases`` of them have been, or one fails."""
    outcome = Outcome(target.name)
    started = time.perf_counter()
    for path, value in saved(folder, target.name):
        outcome.cases += 1
        try:
            _check(target, value)
        except Exception as error:
            outcome.failures.append((_in_a_line(error), path))
    tried = 0
    while tried < cases and not outcome.failures:
        batch = min(BATCH, cases - tried)
        outcome.failures += _try_new(target, batch, seed + tried, folder)
        tried += batch
        progress(tried)
    outcome.cases += tried
    outcome.seconds = time.perf_counter() - started
    return outcome


def _try_new(target: FuzzTarget, cases: int, seed: int, folder: Path) -> list[tuple[str, Path]]:
    import hypothesis

    smallest: dict[str, tuple[str, Any]] = {}

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=cases,
        database=None,
        deadline=None,
        suppress_health_check=[*hypothesis.HealthCheck],  # pyright: ignore
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        verbosity=hypothesis.Verbosity.quiet,
    )
    @hypothesis.given(target.strategy())
    def attempt(value: Any) -> None:
        try:
            _check(target, value)
        except Exception as error:
            # The last of a kind is the one that hypothesis has made smallest.
            smallest[type(error).__name__] = _in_a_line(error), value
            raise

    with suppress(Exception):
        attempt()
    return [(why, save(folder, target.name, value)) for why, value in smallest.values()]


def _check(target: FuzzTarget, value: Any) -> None:
    with _processor_time(PATIENCE):
        target.check(value)


@contextmanager
def _processor_time(seconds: float) -> Generator[None]:
    """Raise :class:`TooSlow` in the body after so much time of the processor, not of the clock:
    a busy machine is no finding."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"more than {seconds:.0f} s of processor time")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _in_a_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]

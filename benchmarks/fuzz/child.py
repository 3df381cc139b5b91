"""One target in a process of its own, with a line of the table as its end."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from ..growth import Grown, measure
from .runner import Outcome, run, targets

if TYPE_CHECKING:
    from pathlib import Path

    from .target import FuzzTarget

HEAD = f"{'target':<28}{'cases':>10}{'seconds':>10}{'failures':>10}{'grown by':>10}"


def run_and_tell(name: str, cases: int, seed: int, corpus: Path) -> None:
    (target,) = (target for target in targets() if target.name == name)
    _warm_up(target, corpus)
    grown = measure(partial(run, target, cases, seed, corpus, partial(_progress, name, cases)))
    _tell(grown)
    sys.exit(bool(grown.value.failures))


def _warm_up(target: FuzzTarget, corpus: Path) -> None:
    """What is imported, and what hypothesis keeps for one batch, is not growth."""
    run(target, 200, 0, corpus)


def _progress(name: str, cases: int, tried: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{name} {tried:,}/{cases:,}")
        sys.stderr.flush()


def _tell(grown: Grown[Outcome]) -> None:
    outcome = grown.value
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    print(
        f"{outcome.name:<28}{outcome.cases:>10,}{outcome.seconds:>10.1f}"
        f"{len(outcome.failures):>10}{grown.bytes >> 20:>7} MB",
        flush=True,
    )
    for why, path in outcome.failures:
        print(f"    {why}\n    {path}", flush=True)

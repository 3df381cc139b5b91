"""``python -m sandcrew.benchmarks.fuzz``: every fuzzer, each in a process of its own."""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
from pathlib import Path

from .child import HEAD, run_and_tell
from .corpus import FOLDER
from .runner import targets


def main() -> int:
    """Run what the arguments say; 1 if anything failed."""
    chosen = _arguments()
    known = {target.name: target for target in targets()}
    names = chosen.target or list(known)
    if unknown := [name for name in names if name not in known]:
        print(f"There is no target {', '.join(unknown)}; there are {', '.join(known)}.")
        return 2
    print(f"seed {chosen.seed}\n{HEAD}")
    failures = 0
    for name in names:
        failures += _in_a_child(name, chosen.cases, chosen.seed, chosen.corpus)
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandcrew.benchmarks.fuzz")
    parser.add_argument("--cases", type=int, default=100_000, help="new inputs for each target")
    parser.add_argument("--target", action="append", help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--corpus", type=Path, default=FOLDER, help="inputs that failed once")
    return parser.parse_args()


def _in_a_child(name: str, cases: int, seed: int, corpus: Path) -> int:
    """So that what one target does to memory, or to the process, is that target's alone."""
    process = multiprocessing.get_context("spawn").Process(
        target=run_and_tell, args=(name, cases, seed, corpus)
    )
    process.start()
    process.join()
    if process.exitcode and process.exitcode < 0:
        print(f"{name:<28}killed by signal {-process.exitcode}")
    return int(process.exitcode != 0)


if __name__ == "__main__":
    sys.exit(main())

"""``sandcrew bench humaneval FILE``: a harness of 164 small programs, in the sandbox and bare.

The data set is OpenAI's HumanEval (Chen et al. 2021, "Evaluating Large Language Models Trained on
Code"), a JSON object a line; the package does not carry it. Each reference solution must pass its
own tests, and a wrong one (its result is replaced) must fail them, by either way of running.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ..executors import CodeBlock
from ..executors.sandbox import SandboxCodeExecutor
from ..sandbox import Policy, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_IN_FLIGHT = 8
_SECONDS = 30
_FIELDS = ("task_id", "prompt", "canonical_solution", "test", "entry_point")


@dataclass(frozen=True, slots=True)
class Task:
    """A problem, with its reference solution and its tests."""

    task_id: str
    prompt: str
    canonical_solution: str
    test: str
    entry_point: str

    def program(self) -> str:
        """The solution and its tests; exit code 0 if they pass."""
        return f"{self._solved()}check({self.entry_point})\n"

    def wrong_program(self) -> str:
        """The same with a solution whose result is never right."""
        return f"{self._solved()}check(lambda *args, **kwargs: object())\n"

    def _solved(self) -> str:
        return f"{self.prompt}{self.canonical_solution}\n{self.test}\n"


Verdicts = dict[str, bool]
"""Whether the tests passed, by task."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Verdicts of the last round, and seconds of each round for the whole set."""

    bare: Verdicts
    confined: Verdicts
    wrong: Verdicts
    """Of wrong solutions, confined: none may pass."""
    bare_seconds: tuple[float, ...]
    confined_seconds: tuple[float, ...]

    @property
    def differences(self) -> list[str]:
        """Tasks with another verdict in the sandbox than bare, or passed by a wrong solution."""
        return [
            name for name in self.bare if self.bare[name] != self.confined[name] or self.wrong[name]
        ]

    def as_text(self) -> str:
        bare, confined = (
            statistics.median(self.bare_seconds),
            statistics.median(self.confined_seconds),
        )
        pairs = zip(self.confined_seconds, self.bare_seconds, strict=True)
        ratio = statistics.median(mine / its for mine, its in pairs)
        lines = [
            f"{len(self.bare)} tasks, {len(self.bare_seconds)} rounds, interleaved; medians",
            f"python3 by subprocess, one after another: {_passed(self.bare)}, {bare:.2f} s",
            f"SandboxCodeExecutor, {_IN_FLIGHT} in flight:        {_passed(self.confined)}, "
            f"{confined:.2f} s ({ratio:.2f} x)",
            f"wrong solutions, in the sandbox:          {_passed(self.wrong)}",
            f"differences: {', '.join(self.differences) or 'none'}",
        ]
        return "\n".join(lines) + "\n"


def load(path: Path) -> list[Task]:
    """The tasks of a file.

    Raises
    ------
    UsageError
        It cannot be read, or a line is not a task.
    """
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    tasks = [_task(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not tasks:
        raise UsageError(f"{path} holds no tasks.")
    return tasks


async def evaluate(tasks: Sequence[Task], rounds: int) -> Outcome:
    """Run the whole set both ways, ``rounds`` times in turn, and wrong solutions once."""
    programs = {task.task_id: task.program() for task in tasks}
    bare_seconds, confined_seconds = list[float](), list[float]()
    bare: Verdicts = {}
    confined: Verdicts = {}
    async with SandboxCodeExecutor(Policy(timeout=_SECONDS)) as executor:
        for _ in range(rounds):
            start = time.perf_counter()
            bare = await asyncio.to_thread(_run_bare, programs)
            bare_seconds.append(time.perf_counter() - start)
            start = time.perf_counter()
            confined = await _run_confined(executor, programs)
            confined_seconds.append(time.perf_counter() - start)
        wrong = {task.task_id: task.wrong_program() for task in tasks}
        failed = await _run_confined(executor, wrong)
    return Outcome(bare, confined, failed, tuple(bare_seconds), tuple(confined_seconds))


def _run_bare(programs: dict[str, str]) -> Verdicts:
    verdicts: Verdicts = {}
    for name, program in programs.items():
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, timeout=_SECONDS, check=False
        )
        verdicts[name] = done.returncode == 0
    return verdicts


async def _run_confined(executor: SandboxCodeExecutor, programs: dict[str, str]) -> Verdicts:
    places = asyncio.Semaphore(_IN_FLIGHT)

    async def passes(program: str) -> bool:
        async with places:
            result = await executor.execute_code_blocks([CodeBlock(program, "python")])
            return result.exit_code == 0

    passed = await asyncio.gather(*map(passes, programs.values()))
    return dict(zip(programs, passed, strict=True))


def _task(path: Path, number: int, line: str) -> Task:
    try:
        fields = cast("dict[str, object]", json.loads(line))
        values = [fields[name] for name in _FIELDS]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}, line {number}: not a task of HumanEval ({error}).") from error
    if not all(isinstance(value, str) for value in values):
        raise UsageError(f"{path}, line {number}: not a task of HumanEval (not text).")
    return Task(*cast("list[str]", values))


def _passed(verdicts: Verdicts) -> str:
    return f"{sum(verdicts.values())} passed"

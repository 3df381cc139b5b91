"""Programs with tests of their own, run bare and in the sandbox: the verdicts must agree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sandcrew.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Evaluate = Callable[..., tuple[object, str]]

DOUBLE = {
    "task_id": "T/0",
    "prompt": "def double(n):\n",
    "canonical_solution": "    return 2 * n\n",
    "test": "def check(candidate):\n    assert candidate(21) == 42\n",
    "entry_point": "double",
}
WRONG = DOUBLE | {"task_id": "T/1", "canonical_solution": "    return n\n"}
VACUOUS = DOUBLE | {"task_id": "T/2", "test": "def check(candidate):\n    pass\n"}
SEES_HOST = DOUBLE | {
    "task_id": "T/3",
    "test": f"{DOUBLE['test']}    import os\n    assert os.path.exists(FILE)\n",
}


@pytest.fixture
def evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Evaluate:
    """Runs the command on these lines; its exit code, and what it printed."""

    def run(*tasks: str | dict[str, str]) -> tuple[object, str]:
        lines = [task if isinstance(task, str) else json.dumps(task) for task in tasks]
        file = tmp_path / "tasks.jsonl"
        file.write_text("".join(f"{line}\n" for line in lines))
        with pytest.raises(SystemExit) as ended:
            main(["bench", "humaneval", str(file), "--rounds", "1"])
        printed = capsys.readouterr()
        return ended.value.code, printed.out + printed.err

    return run


def test_right_and_wrong_solutions_have_the_verdict_they_have_bare(evaluate: Evaluate) -> None:
    code, printed = evaluate(DOUBLE, WRONG)
    assert code == 0, printed
    assert printed.count("1 passed") == 2
    assert "differences: none" in printed


def test_tests_that_a_wrong_solution_passes_are_reported(evaluate: Evaluate) -> None:
    code, printed = evaluate(DOUBLE, VACUOUS)
    assert code == 1
    assert "differences: T/2" in printed


def test_a_verdict_that_differs_from_the_bare_one_is_reported(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.touch()
    task = SEES_HOST | {"test": SEES_HOST["test"].replace("FILE", repr(str(secret)))}
    code, printed = evaluate(DOUBLE, task)
    assert code == 1
    assert "differences: T/3" in printed


@pytest.mark.parametrize("line", ["{}", "[]", "no json", '{"task_id": 1}'])
def test_what_is_no_task_is_refused_with_its_line(evaluate: Evaluate, line: str) -> None:
    code, printed = evaluate(DOUBLE, line)
    assert code == 2
    assert "line 2" in printed

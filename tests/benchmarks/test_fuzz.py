"""Each fuzzer, with few cases and always the same ones; and what the runner promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from sandcrew.benchmarks.fuzz import FOLDER, FuzzTarget, run, targets
from sandcrew.benchmarks.fuzz.corpus import save, saved

CASES = 500
SEED = 12


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.name)
def test_no_input_breaks_a_promise(target: FuzzTarget, tmp_path: Path) -> None:
    for path, value in saved(FOLDER, target.name):
        target.check(value)
        assert path.exists()
    outcome = run(target, CASES, SEED, tmp_path)
    assert outcome.failures == []
    assert outcome.cases == CASES


def test_the_smallest_input_that_fails_is_kept_and_tried_first(tmp_path: Path) -> None:
    seen: list[Any] = []

    def check(value: bytes) -> None:
        seen.append(value)
        if b"\xff" in value:
            raise ValueError("no")

    target = FuzzTarget("sample", st.binary, check)
    outcome = run(target, CASES, SEED, tmp_path)
    ((why, path),) = outcome.failures
    assert why == "ValueError: no"
    assert path.read_bytes() == b"\xff"

    seen.clear()
    again = run(target, CASES, SEED, tmp_path)
    assert seen == [b"\xff"]
    assert [found for _, found in again.failures] == [path]


def test_a_case_that_never_ends_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandcrew.benchmarks.fuzz.runner.PATIENCE", 0.2)

    def check(_: Any) -> None:
        while True:
            pass

    save(tmp_path, "slow", b"")
    outcome = run(FuzzTarget("slow", st.binary, check), 0, SEED, tmp_path)
    assert [why.split(":")[0] for why, _ in outcome.failures] == ["TooSlow"]


@pytest.mark.parametrize("value", [b"\0\xff", "\ud800\x1b", ("a", [1, b"x"], {"k": None}), -1.5])
def test_inputs_survive_their_files(value: Any, tmp_path: Path) -> None:
    path = save(tmp_path, "any", value)
    assert list(saved(tmp_path, "any")) == [(path, value)]

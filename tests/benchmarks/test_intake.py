"""The benchmark of what the host takes in: memory, for each text, and never time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sandcrew.benchmarks.intake.__main__ import MOST, main
from sandcrew.benchmarks.intake.texts import TEXTS


@pytest.mark.parametrize("name", [name for name in TEXTS if name.startswith("terminal")])
def test_8_mb_of_text_take_no_more_than_64_mb_of_the_host(name: str) -> None:
    command = [sys.executable, "-m", "sandcrew.benchmarks.intake.texts", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) <= MOST


def test_the_table_has_a_line_for_each_that_is_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["arrow", "structs of nulls"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.startswith("what")
    assert line.startswith("arrow files: structs of nulls")
    assert " MB " in line

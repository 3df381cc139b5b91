"""The Jupyter executor keeps the contract, wherever its kernel runs."""

from __future__ import annotations

import os
from typing import Any

import pytest

from sandcrew.executors import JupyterCodeExecutor
from sandcrew.executors.testing import CodeExecutorContract

_ONE_CELL_AT_A_TIME = "a kernel runs one cell at a time, and this test needs two"
_LIVES_ON = (
    "a kernel lives on after a cell, and with it what the cell has started, as in any notebook; "
    "test_life.py has what happens to it"
)
_NO_ORDER = (
    "ipykernel reads what is written past sys.stdout in a thread of its own, so that its order "
    "with what is printed gets lost; test_hostile.py has a flood that is printed"
)
DIFFERENCES = {
    "test_cancelling_one_run_leaves_the_others_alone": _ONE_CELL_AT_A_TIME,
    "test_cancelling_the_task_kills_the_program_and_raises": _LIVES_ON,
    "test_leaving_the_stream_early_kills_the_program": _LIVES_ON,
    "test_a_daemon_dies_with_the_run_that_left_it": _LIVES_ON,
    "test_a_daemon_dies_at_the_time_limit": _LIVES_ON,
    "test_input_is_empty": "a kernel refuses input() by an exception of its own",
    "test_a_flood_of_200_megabytes_is_cut_in_the_middle": _NO_ORDER,
    "test_the_head_and_the_tail_of_a_flood_are_streamed": _NO_ORDER,
    "test_a_character_printed_in_two_halves_is_one": (
        "ipykernel decodes what is written past sys.stdout piece by piece"
    ),
}


class TestConfinedKernel(CodeExecutorContract):
    differences = DIFFERENCES

    def make_executor(self, **options: Any) -> JupyterCodeExecutor:
        return JupyterCodeExecutor(**options)


class TestLocalKernel(CodeExecutorContract):
    differences = DIFFERENCES

    def make_executor(self, **options: Any) -> JupyterCodeExecutor:
        # ipykernel does not capture descriptors when it thinks that it is being tested itself.
        os.environ.pop("PYTEST_CURRENT_TEST", None)
        with pytest.warns(UserWarning, match="all your rights"):
            return JupyterCodeExecutor(where="local", **options)


class TestKernelInAContainer(CodeExecutorContract):
    differences = DIFFERENCES

    @pytest.fixture(autouse=True)
    def _engine(self, engine: None) -> None:
        """Without an engine and our image there is nothing to test."""

    def make_executor(self, **options: Any) -> JupyterCodeExecutor:
        return JupyterCodeExecutor(where="docker", **options)

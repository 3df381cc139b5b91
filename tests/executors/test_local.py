"""The local executor keeps the contract, and what is its own."""

from __future__ import annotations

from typing import Any

import pytest

from sandcrew.executors import LocalCommandLineCodeExecutor
from sandcrew.executors.testing import CodeExecutorContract


def make(*args: Any, **options: Any) -> LocalCommandLineCodeExecutor:
    with pytest.warns(UserWarning, match="all your rights"):
        return LocalCommandLineCodeExecutor(*args, **options)


class TestLocalExecutorContract(CodeExecutorContract):
    def make_executor(self, **options: Any) -> LocalCommandLineCodeExecutor:
        return make(**options)

"""What the tests of agents share."""

from __future__ import annotations

import asyncio
import os
import warnings
from typing import TYPE_CHECKING

import pytest

from sandcrew.executors import LocalCommandLineCodeExecutor

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def executor(tmp_path: Path) -> LocalCommandLineCodeExecutor:
    """A real executor whose processes the test can see; enter it with ``async with``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return LocalCommandLineCodeExecutor(work_dir=tmp_path / "work")


async def process_is_gone(pid: int) -> None:
    """Wait until there is no such process."""
    async with asyncio.timeout(10):
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            await asyncio.sleep(0.005)

"""A Jupyter of its own for the tests: no spec, file or setting of whoever runs them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sandcrew.executors import CodeBlock, JupyterCodeExecutor, JupyterCodeResult

T = TypeVar("T")


@pytest.fixture(scope="session")
def jupyter_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that stands for the user's, where kernel specs get installed."""
    home = tmp_path_factory.mktemp("jupyter")
    patch = pytest.MonkeyPatch()
    for name in ("DATA", "RUNTIME", "CONFIG"):
        patch.setenv(f"JUPYTER_{name}_DIR", str(home / name.lower()))
    patch.setenv("IPYTHONDIR", str(home / "ipython"))
    patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    yield home
    patch.undo()


@pytest.fixture(scope="session")
def bash_kernel(jupyter_home: Path) -> str:
    """The name of a kernel of bash that is installed there."""
    command = [sys.executable, "-m", "bash_kernel.install", "--prefix", str(jupyter_home / "bash")]
    subprocess.run(command, check=True, capture_output=True)
    made = jupyter_home / "bash" / "share" / "jupyter" / "kernels" / "bash"
    kernels = jupyter_home / "data" / "kernels"
    kernels.mkdir(parents=True, exist_ok=True)
    made.rename(kernels / "bash")
    return "bash"


class SharedKernel:
    """One confined kernel for all tests of a module, on an event loop that lasts as long."""

    def __init__(self, runner: asyncio.Runner, executor: JupyterCodeExecutor) -> None:
        self._runner = runner
        self.executor = executor

    def run(self, code: str, language: str = "python") -> JupyterCodeResult:
        result = self.wait(self.executor.execute_code_blocks([CodeBlock(code, language)]))
        assert isinstance(result, JupyterCodeResult)
        return result

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)


@pytest.fixture(scope="module")
def kernel() -> Iterator[SharedKernel]:
    with asyncio.Runner() as runner:
        executor = JupyterCodeExecutor(timeout=30)
        runner.run(executor.start())
        yield SharedKernel(runner, executor)
        runner.run(executor.stop())


@pytest.fixture(scope="session")
def engine(engine_with: Callable[..., Any]) -> None:
    """An engine with our image ``jupyter``."""
    engine_with("jupyter")

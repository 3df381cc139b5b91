"""The executor contract as a pytest suite: one subclass for each backend, ours or yours.

::

    class TestMyExecutor(CodeExecutorContract):
        differences = {"test_input_is_empty": "the service connects its own standard input"}

        def make_executor(self, **options):
            return MyExecutor(**options)

Needs pytest and no plugin.
"""

import pytest

# Before the imports below: only then do their asserts explain themselves.
for _part in ("files", "functions", "output", "running", "stopping"):
    pytest.register_assert_rewrite(f"{__name__}.{_part}")

from .base import ContractBase  # noqa: E402
from .files import FilesContract  # noqa: E402
from .functions import FunctionsContract  # noqa: E402
from .output import OutputContract  # noqa: E402
from .running import RunningContract  # noqa: E402
from .stopping import StoppingContract  # noqa: E402

__all__ = ["CodeExecutorContract"]


class CodeExecutorContract(
    RunningContract,
    OutputContract,
    StoppingContract,
    FilesContract,
    FunctionsContract,
    ContractBase,
):
    """Everything an executor promises."""

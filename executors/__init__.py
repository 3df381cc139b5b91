"""Runs code blocks: one contract, several backends, the block extractor."""

import importlib
from typing import TYPE_CHECKING, Any

from ..sandbox.errors import (
    BackendCrashed,
    BackendError,
    BackendUnavailable,
    MissingExtra,
    SandcrewError,
    UsageError,
)
from ..sandbox.result import Artifact, CodeResult, Contact, Denial, OutputEvent, RichOutput, Usage
from .base import CodeExecutor
from .block import CodeBlock, canonical_language
from .blockwise import BlockwiseExecutor
from .cancellation import CancellationToken
from .command_line import CommandLineCodeResult
from .events import BlockFinished, BlockStarted, ExecutionEvent
from .extractor import extract_code_blocks
from .factory import create_default_code_executor, create_executor
from .filename import block_filename
from .functions import (
    Alias,
    FuncSpec,
    FunctionWithRequirements,
    FunctionWithRequirementsStr,
    Import,
    ImportFromModule,
    build_python_functions_file,
    to_stub,
    with_requirements,
)

if TYPE_CHECKING:
    from .docker import DockerCommandLineCodeExecutor, ImageProgress
    from .jupyter import (
        DockerJupyterCodeExecutor,
        DockerJupyterServer,
        JupyterCodeExecutor,
        JupyterCodeResult,
        JupyterConnectionInfo,
    )
    from .local import LocalCommandLineCodeExecutor
    from .sandbox import SandboxCodeExecutor
    from .user_functions import UserFunctionsExecutor

__all__ = [
    "Alias",
    "Artifact",
    "BackendCrashed",
    "BackendError",
    "BackendUnavailable",
    "BlockFinished",
    "BlockStarted",
    "BlockwiseExecutor",
    "CancellationToken",
    "CodeBlock",
    "CodeExecutor",
    "CodeResult",
    "CommandLineCodeResult",
    "Contact",
    "Denial",
    "DockerCommandLineCodeExecutor",
    "DockerJupyterCodeExecutor",
    "DockerJupyterServer",
    "ExecutionEvent",
    "FuncSpec",
    "FunctionWithRequirements",
    "FunctionWithRequirementsStr",
    "ImageProgress",
    "Import",
    "ImportFromModule",
    "JupyterCodeExecutor",
    "JupyterCodeResult",
    "JupyterConnectionInfo",
    "LocalCommandLineCodeExecutor",
    "MissingExtra",
    "OutputEvent",
    "RichOutput",
    "SandboxCodeExecutor",
    "SandcrewError",
    "Usage",
    "UsageError",
    "UserFunctionsExecutor",
    "block_filename",
    "build_python_functions_file",
    "canonical_language",
    "create_default_code_executor",
    "create_executor",
    "extract_code_blocks",
    "to_stub",
    "with_requirements",
]


_LAZY = {
    "DockerCommandLineCodeExecutor": ".docker",
    "ImageProgress": ".docker",
    "DockerJupyterCodeExecutor": ".jupyter",
    "DockerJupyterServer": ".jupyter",
    "JupyterCodeExecutor": ".jupyter",
    "JupyterCodeResult": ".jupyter",
    "JupyterConnectionInfo": ".jupyter",
    "LocalCommandLineCodeExecutor": ".local",
    "SandboxCodeExecutor": ".sandbox",
    "UserFunctionsExecutor": ".user_functions",
}


def __getattr__(name: str) -> Any:
    """Load what needs asyncio when it is first used; values and errors do not (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name], __name__), name)
    globals()[name] = value
    return value

"""Runs code blocks: one contract, several backends, the block extractor."""

from typing import TYPE_CHECKING

from ..sandbox.later import later as _later

if TYPE_CHECKING:
    from ..sandbox.errors import (
        BackendCrashed,
        BackendError,
        BackendUnavailable,
        MissingExtra,
        SandcrewError,
        UsageError,
    )
    from ..sandbox.result import (
        Artifact,
        CodeResult,
        Contact,
        Denial,
        OutputEvent,
        RichOutput,
        Usage,
    )
    from .base import CodeExecutor
    from .block import CodeBlock, canonical_language
    from .blockwise import BlockwiseExecutor
    from .cancellation import CancellationToken
    from .command_line import CommandLineCodeResult
    from .docker import DockerCommandLineCodeExecutor, DockerExecutorPool
    from .events import BlockFinished, BlockStarted, ExecutionEvent, ImageProgress
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
    from .jupyter import (
        DockerJupyterCodeExecutor,
        DockerJupyterServer,
        JupyterCodeExecutor,
        JupyterCodeResult,
        JupyterConnectionInfo,
    )
    from .local import LocalCommandLineCodeExecutor
    from .notebook_record import NotebookRecord, pictures_of
    from .notebook_replay import Replay, replay
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
    "DockerExecutorPool",
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
    "NotebookRecord",
    "OutputEvent",
    "Replay",
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
    "pictures_of",
    "replay",
    "to_stub",
    "with_requirements",
]


__getattr__ = _later(
    __name__,
    {
        ".sandbox.errors": [
            "BackendCrashed",
            "BackendError",
            "BackendUnavailable",
            "MissingExtra",
            "SandcrewError",
            "UsageError",
        ],
        ".sandbox.result": [
            "Artifact",
            "CodeResult",
            "Contact",
            "Denial",
            "OutputEvent",
            "RichOutput",
            "Usage",
        ],
        "base": ["CodeExecutor"],
        "block": ["CodeBlock", "canonical_language"],
        "blockwise": ["BlockwiseExecutor"],
        "cancellation": ["CancellationToken"],
        "command_line": ["CommandLineCodeResult"],
        "docker": ["DockerCommandLineCodeExecutor", "DockerExecutorPool"],
        "events": ["BlockFinished", "BlockStarted", "ExecutionEvent", "ImageProgress"],
        "extractor": ["extract_code_blocks"],
        "factory": ["create_default_code_executor", "create_executor"],
        "filename": ["block_filename"],
        "functions": [
            "Alias",
            "FuncSpec",
            "FunctionWithRequirements",
            "FunctionWithRequirementsStr",
            "Import",
            "ImportFromModule",
            "build_python_functions_file",
            "to_stub",
            "with_requirements",
        ],
        "jupyter": [
            "DockerJupyterCodeExecutor",
            "DockerJupyterServer",
            "JupyterCodeExecutor",
            "JupyterCodeResult",
            "JupyterConnectionInfo",
        ],
        "local": ["LocalCommandLineCodeExecutor"],
        "notebook_record": ["NotebookRecord", "pictures_of"],
        "notebook_replay": ["Replay", "replay"],
        "sandbox": ["SandboxCodeExecutor"],
        "user_functions": ["UserFunctionsExecutor"],
    },
)

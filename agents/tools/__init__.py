"""What models can call: functions as tools, and workbenches of tools."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base import BaseStreamTool, BaseTool, BaseToolWithState, StreamTool, Tool
from .function import FunctionTool
from .result import ImageResultContent, TextResultContent, ToolResult
from .schema import ParametersSchema, ToolSchema
from .static import StaticStreamWorkbench, StaticWorkbench, ToolOverride
from .workbench import StreamWorkbench, Workbench

if TYPE_CHECKING:
    from .code_execution import (
        CodeExecutionInput,
        CodeExecutionResult,
        PythonCodeExecutionTool,
    )
    from .task_runner import AgentTool, TeamTool

__all__ = [
    "AgentTool",
    "BaseStreamTool",
    "BaseTool",
    "BaseToolWithState",
    "CodeExecutionInput",
    "CodeExecutionResult",
    "FunctionTool",
    "ImageResultContent",
    "ParametersSchema",
    "PythonCodeExecutionTool",
    "StaticStreamWorkbench",
    "StaticWorkbench",
    "StreamTool",
    "StreamWorkbench",
    "TeamTool",
    "TextResultContent",
    "Tool",
    "ToolOverride",
    "ToolResult",
    "ToolSchema",
    "Workbench",
]


_LATER = {
    "AgentTool": "task_runner",
    "CodeExecutionInput": "code_execution",
    "CodeExecutionResult": "code_execution",
    "PythonCodeExecutionTool": "code_execution",
    "TeamTool": "task_runner",
}


def __getattr__(name: str) -> Any:
    """Tools that bring agents, teams or executors are loaded when they are used."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LATER[name]}", __name__), name)

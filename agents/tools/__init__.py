"""What models can call: functions as tools, and workbenches of tools."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import BaseStreamTool, BaseTool, BaseToolWithState, StreamTool, Tool
    from .code_execution import (
        CodeExecutionInput,
        CodeExecutionResult,
        PythonCodeExecutionTool,
    )
    from .function import FunctionTool
    from .result import ImageResultContent, TextResultContent, ToolResult
    from .schema import ParametersSchema, ToolSchema
    from .static import StaticStreamWorkbench, StaticWorkbench, ToolOverride
    from .task_runner import AgentTool, TeamTool
    from .workbench import StreamWorkbench, Workbench

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
    "BaseStreamTool": "base",
    "BaseTool": "base",
    "BaseToolWithState": "base",
    "CodeExecutionInput": "code_execution",
    "CodeExecutionResult": "code_execution",
    "FunctionTool": "function",
    "ImageResultContent": "result",
    "ParametersSchema": "schema",
    "PythonCodeExecutionTool": "code_execution",
    "StaticStreamWorkbench": "static",
    "StaticWorkbench": "static",
    "StreamTool": "base",
    "StreamWorkbench": "workbench",
    "TeamTool": "task_runner",
    "TextResultContent": "result",
    "Tool": "base",
    "ToolOverride": "static",
    "ToolResult": "result",
    "ToolSchema": "schema",
    "Workbench": "workbench",
}


def __getattr__(name: str) -> Any:
    """An agent without tools needs none of it, so all is loaded when it is used."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LATER[name]}", __name__), name)

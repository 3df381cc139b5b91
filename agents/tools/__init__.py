"""What models can call: functions as tools, and workbenches of tools."""

from typing import TYPE_CHECKING

from ...sandbox.later import later as _later

if TYPE_CHECKING:
    from .base import BaseStreamTool, BaseTool, BaseToolWithState, StreamTool, Tool
    from .code_execution import CodeExecutionInput, CodeExecutionResult, PythonCodeExecutionTool
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

__getattr__ = _later(
    __name__,
    {
        "base": ["BaseStreamTool", "BaseTool", "BaseToolWithState", "StreamTool", "Tool"],
        "code_execution": ["CodeExecutionInput", "CodeExecutionResult", "PythonCodeExecutionTool"],
        "function": ["FunctionTool"],
        "result": ["ImageResultContent", "TextResultContent", "ToolResult"],
        "schema": ["ParametersSchema", "ToolSchema"],
        "static": ["StaticStreamWorkbench", "StaticWorkbench", "ToolOverride"],
        "task_runner": ["AgentTool", "TeamTool"],
        "workbench": ["StreamWorkbench", "Workbench"],
    },
)

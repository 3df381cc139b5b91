"""What models can call: functions as tools, and workbenches of tools."""

from .base import BaseStreamTool, BaseTool, BaseToolWithState, StreamTool, Tool
from .function import FunctionTool
from .result import ImageResultContent, TextResultContent, ToolResult
from .schema import ParametersSchema, ToolSchema
from .static import StaticStreamWorkbench, StaticWorkbench, ToolOverride
from .workbench import StreamWorkbench, Workbench

__all__ = [
    "BaseStreamTool",
    "BaseTool",
    "BaseToolWithState",
    "FunctionTool",
    "ImageResultContent",
    "ParametersSchema",
    "StaticStreamWorkbench",
    "StaticWorkbench",
    "StreamTool",
    "StreamWorkbench",
    "TextResultContent",
    "Tool",
    "ToolOverride",
    "ToolResult",
    "ToolSchema",
    "Workbench",
]

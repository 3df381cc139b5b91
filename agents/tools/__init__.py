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
    from .task_runner import AgentTool, TeamTool

__all__ = [
    "AgentTool",
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
    "TeamTool",
    "TextResultContent",
    "Tool",
    "ToolOverride",
    "ToolResult",
    "ToolSchema",
    "Workbench",
]


def __getattr__(name: str) -> Any:
    """Agents as tools are loaded when they are used: they bring agents and teams."""
    if name not in ("AgentTool", "TeamTool"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".task_runner", __name__), name)

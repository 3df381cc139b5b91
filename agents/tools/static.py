"""A workbench of given tools."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...sandbox.errors import UsageError
from ..runtime import CancellationToken, cancel_scope
from .base import BaseTool, StreamTool, Tool
from .result import ToolResult, text_result
from .schema import ToolSchema
from .workbench import StreamWorkbench, Workbench


class ToolOverride(BaseModel):
    """What a model is told of a tool instead of the tool's own words."""

    model_config = ConfigDict(defer_build=True)

    name: str | None = None
    description: str | None = None


class StaticWorkbenchState(BaseModel):
    """The states of the tools by name."""

    model_config = ConfigDict(defer_build=True)

    type: Literal["StaticWorkbenchState"] = "StaticWorkbenchState"
    version: Literal["1.0.0"] = "1.0.0"
    tools: dict[str, dict[str, Any]] = Field(default_factory=dict[str, dict[str, Any]])


class StaticWorkbench(Workbench):
    """The same tools all the time.

    Parameters
    ----------
    tools:
        The tools.
    tool_overrides:
        By the tool's own name: other words for the model.

    Raises
    ------
    UsageError
        Two tools have one name, or an override is of no tool.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        tool_overrides: Mapping[str, ToolOverride] | None = None,
    ) -> None:
        overrides = dict(tool_overrides or {})
        self._tools: dict[str, Tool] = {}
        self._schemas: list[ToolSchema] = []
        for tool in tools:
            override = overrides.pop(tool.name, ToolOverride())
            name = override.name or tool.name
            if name in self._tools:
                raise UsageError(f"Two tools have the name {name!r}.")
            self._tools[name] = tool
            schema = tool.schema.copy()
            schema["name"] = name
            if override.description is not None:
                schema["description"] = override.description
            self._schemas.append(schema)
        if overrides:
            raise UsageError(
                f"tool_overrides for tools that are not there: {', '.join(overrides)}."
            )

    async def list_tools(self) -> list[ToolSchema]:
        return list(self._schemas)

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        tool = self._tools.get(name)
        if tool is None:
            return _unknown(name)
        token = cancellation_token or CancellationToken()
        try:
            with cancel_scope(token):
                value = await tool.run_json(arguments or {}, token, call_id)
            return _result(tool, name, value)
        except (Exception, SystemExit) as error:  # sys.exit() in a tool ends the tool.
            return text_result(name, describe(error), is_error=True)

    async def save_state(self) -> Mapping[str, Any]:
        states = {name: dict(await tool.save_state_json()) for name, tool in self._tools.items()}
        return StaticWorkbenchState(tools=states).model_dump(mode="json")

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a saved state.

        Raises
        ------
        UsageError
            It is not the state of a workbench.
        """
        try:
            saved = StaticWorkbenchState.model_validate(state)
        except ValidationError as error:
            raise UsageError(f"This is not the state of a workbench: {error}") from error
        for name, tool in self._tools.items():
            if name in saved.tools:
                await tool.load_state_json(saved.tools[name])


class StaticStreamWorkbench(StaticWorkbench, StreamWorkbench):
    """The same, and it tells what its tools tell while they work."""

    async def call_tool_stream(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> AsyncGenerator[Any | ToolResult, None]:
        tool = self._tools.get(name)
        if not isinstance(tool, StreamTool):
            yield await self.call_tool(name, arguments, cancellation_token, call_id)
            return
        token = cancellation_token or CancellationToken()
        last: list[Any] = []  # The item that may be the result: it is, if nothing follows.
        try:
            items = tool.run_json_stream(arguments or {}, token, call_id)
            async with aclosing(items):
                while True:
                    with cancel_scope(token):
                        try:
                            item = await anext(items)
                        except StopAsyncIteration:
                            break
                    if last:
                        yield last.pop()
                    last.append(item)
            if not last:
                raise UsageError(f"The tool {name} ended without a result.")
            result = _result(tool, name, last.pop())
        except (Exception, SystemExit) as error:
            result = text_result(name, describe(error), is_error=True)
        yield result


def describe(error: BaseException) -> str:
    """What a model is told of an exception."""
    text = str(error)
    if isinstance(error, UsageError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _result(tool: Tool, name: str, value: Any) -> ToolResult:
    if isinstance(tool, BaseTool):
        contents = cast("BaseTool[BaseModel, object]", tool).return_value_as_contents(value)
        return ToolResult(name=name, result=contents)
    return text_result(name, tool.return_value_as_string(value))


def _unknown(name: str) -> ToolResult:
    return text_result(name, f"Error: there is no tool {name!r}.", is_error=True)

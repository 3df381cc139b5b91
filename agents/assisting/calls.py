"""Calling tools, all of one answer at the same time.

The calls are tasks of one group, and the group is a task of the generator that tells what happens:
whatever closes the generator ends them all. Whatever goes wrong in a tool is a result.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, cast

from ...sandbox.errors import UsageError
from ..messages import BaseAgentEvent, BaseChatMessage
from ..models.types import FunctionExecutionResult
from ..runtime import CancellationToken, FunctionCall, cancel_scope
from ..tools import StreamWorkbench, ToolResult, Workbench
from ..tools.static import describe
from .bounds import bounded, bounded_images
from .toolbox import Toolset

Entry = BaseAgentEvent | BaseChatMessage
Tell = Callable[[Entry], None]

_PATIENCE = 1.0  # seconds for tools that were cancelled; who still goes on is left behind


async def run_calls(
    calls: Sequence[FunctionCall], tools: Toolset, token: CancellationToken
) -> AsyncGenerator[Entry | list[FunctionExecutionResult], None]:
    """Call the tools; what they tell meanwhile, and the results in the order of the calls."""
    told: asyncio.Queue[Entry | None] = asyncio.Queue()
    group = asyncio.create_task(_all(calls, tools, token, told.put_nowait))
    group.add_done_callback(lambda _: told.put_nowait(None))
    try:
        while True:
            with cancel_scope(token):
                entry = await told.get()
            if entry is None:
                break
            yield entry
        yield group.result()
    finally:
        if not group.done():
            group.cancel()
            await asyncio.wait({group}, timeout=_PATIENCE)


async def _all(
    calls: Sequence[FunctionCall], tools: Toolset, token: CancellationToken, tell: Tell
) -> list[FunctionExecutionResult]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_one(call, tools, token, tell)) for call in calls]
    if token.is_cancelled():
        raise asyncio.CancelledError
    return [
        # Cancelled, but not by us: by something the tool did to its own task.
        _failure(call, "the tool was cancelled") if task.cancelled() else task.result()
        for call, task in zip(calls, tasks, strict=True)
    ]


async def _one(
    call: FunctionCall, tools: Toolset, token: CancellationToken, tell: Tell
) -> FunctionExecutionResult:
    try:
        return await _call(call, tools, token, tell)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if token.is_cancelled() or (task is not None and task.cancelling()):
            raise
        # The tool cancelled itself; the turn goes on.
        return _failure(call, "the tool was cancelled")
    except (Exception, SystemExit) as error:
        return _failure(call, describe(error))


def _failure(call: FunctionCall, reason: str) -> FunctionExecutionResult:
    return FunctionExecutionResult(
        content=bounded(f"Error: {reason}"), name=call.name, call_id=call.id, is_error=True
    )


async def _call(
    call: FunctionCall, tools: Toolset, token: CancellationToken, tell: Tell
) -> FunctionExecutionResult:
    workbench = tools.owners.get(call.name)
    if workbench is None:
        known = ", ".join(tools.owners)
        return _failure(call, f"tool '{call.name}' not found in any workbench. There are: {known}")
    # A handoff has no arguments, whatever the model writes there.
    arguments = {} if call.name in tools.handoffs else parse_arguments(call)
    result = await _result(workbench, call, arguments, token, tell)
    return FunctionExecutionResult(
        content=bounded(result.to_text(replace_image="[image]")),
        name=call.name,
        call_id=call.id,
        is_error=result.is_error,
        images=bounded_images(result.images),
    )


async def _result(
    workbench: Workbench,
    call: FunctionCall,
    arguments: Mapping[str, Any],
    token: CancellationToken,
    tell: Tell,
) -> ToolResult:
    if not isinstance(workbench, StreamWorkbench):
        return await workbench.call_tool(call.name, arguments, token, call.id)
    async with aclosing(workbench.call_tool_stream(call.name, arguments, token, call.id)) as items:
        async for item in items:
            if isinstance(item, ToolResult):
                return item
            if isinstance(item, BaseAgentEvent | BaseChatMessage):
                tell(item)
    raise UsageError(f"the tool {call.name} ended without a result")


def parse_arguments(call: FunctionCall) -> dict[str, Any]:
    """The arguments of a call; none written is none given.

    Raises
    ------
    UsageError
        They are no JSON object.
    """
    try:
        arguments = json.loads(call.arguments.strip() or "{}", strict=False)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the arguments are not valid JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise UsageError("the arguments must be one JSON object")
    return cast("dict[str, Any]", arguments)

"""Asking before code runs."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from pydantic import BaseModel, ConfigDict

from ...executors.block import CodeBlock
from ..models.types import LLMMessage
from ..runtime.threads import in_thread, is_async


class ApprovalRequest(BaseModel):
    """The code that wants to run."""

    model_config = ConfigDict(defer_build=True)

    code: str
    """All blocks, fenced."""
    context: list[LLMMessage]
    """The conversation that led to it."""


class ApprovalResponse(BaseModel):
    """Whether it may, and why."""

    model_config = ConfigDict(defer_build=True)

    approved: bool
    reason: str


SyncApprovalFunc = Callable[[ApprovalRequest], ApprovalResponse]
AsyncApprovalFunc = Callable[[ApprovalRequest], Awaitable[ApprovalResponse]]
ApprovalFuncType = SyncApprovalFunc | AsyncApprovalFunc


async def ask_approval(func: ApprovalFuncType, request: ApprovalRequest) -> ApprovalResponse:
    """The answer of ``func``; a blocking one is called in a thread, so that the wait can end."""
    if is_async(func):
        return await cast("AsyncApprovalFunc", func)(request)
    answer = await in_thread(lambda: func(request))
    # A plain function may give an awaitable, as a partial or a lambda does.
    return await answer if inspect.isawaitable(answer) else answer


def fenced(blocks: Sequence[CodeBlock]) -> str:
    """The blocks as Markdown, in fences longer than any inside."""
    return "\n\n".join(_fenced(block) for block in blocks)


def _fenced(block: CodeBlock) -> str:
    fence = "```"
    while fence in block.code:
        fence += "`"
    code = block.code if block.code.endswith("\n") else block.code + "\n"
    return f"{fence}{block.language}\n{code}{fence}"

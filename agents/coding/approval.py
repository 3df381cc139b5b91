"""Asking before code runs."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from pydantic import BaseModel, ConfigDict, Field

from ...executors import fences
from ...executors.block import CodeBlock
from ..models.types import LLMMessage
from ..runtime.threads import in_thread, is_async
from .policy import ApprovalRule


class ApprovalRequest(BaseModel):
    """The code that wants to run."""

    model_config = ConfigDict(defer_build=True)

    code: str
    """All blocks, fenced."""
    context: list[LLMMessage]
    """The conversation that led to it."""
    code_blocks: list[CodeBlock] = Field(default_factory=list[CodeBlock])
    """The blocks one by one: all of them, or with an :class:`ApprovalPolicy` only one."""


class ApprovalResponse(BaseModel):
    """Whether it may, and why."""

    model_config = ConfigDict(defer_build=True)

    approved: bool
    reason: str
    code_blocks: list[CodeBlock] | None = None
    """What is to run instead, if the code is approved with changes."""
    remember: ApprovalRule | None = None
    """What is to be decided by itself from now on."""


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
    return "\n\n".join(fences.fenced(block.code, block.language) for block in blocks)

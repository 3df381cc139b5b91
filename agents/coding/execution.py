"""One attempt to run code, from the approval to the result."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import cast

from ...executors.base import CodeExecutor
from ...executors.block import CodeBlock
from ...sandbox.errors import BackendCrashed
from ...sandbox.result import CodeResult, OutputEvent
from ..messages import (
    ApprovalRequestEvent,
    ApprovalResponseEvent,
    CodeExecutionEvent,
    CodeOutputEvent,
)
from ..models.types import LLMMessage
from ..runtime import CancellationToken, cancel_scope
from .approval import ApprovalFuncType, ApprovalRequest, ask_approval, fenced
from .blocks import runnable_blocks

ExecutionEntry = ApprovalRequestEvent | ApprovalResponseEvent | CodeOutputEvent | CodeExecutionEvent


class Execution:
    """Runs code in the name of an agent, and tells what happens.

    Parameters
    ----------
    name:
        The agent's.
    executor:
        Where the code runs.
    languages:
        Those to run; ``None`` for all the executor knows.
    approval_func:
        Asked before.
    """

    def __init__(
        self,
        name: str,
        executor: CodeExecutor,
        languages: Sequence[str] | None,
        approval_func: ApprovalFuncType | None,
    ) -> None:
        self.name = name
        self._executor = executor
        self._languages = languages
        self._approval_func = approval_func

    def find(self, text: str) -> list[CodeBlock]:
        """The code blocks of a message that are meant to run."""
        return runnable_blocks(text, self._executor, self._languages)

    async def run(
        self,
        blocks: Sequence[CodeBlock],
        context: Sequence[LLMMessage],
        token: CancellationToken,
        *,
        attempt: int = 0,
    ) -> AsyncGenerator[ExecutionEntry, None]:
        """Ask, run, tell; the :class:`CodeExecutionEvent` comes last.

        Raises
        ------
        BackendError
            The executor cannot run code.
        """
        if self._approval_func is not None:
            async with aclosing(
                self._approve(self._approval_func, blocks, context, token, attempt)
            ) as entries:
                async for entry in entries:
                    yield entry
                    if isinstance(entry, CodeExecutionEvent):
                        return
        async with aclosing(self._execute(blocks, token, attempt)) as entries:
            async for entry in entries:
                yield entry

    async def _approve(
        self,
        approval_func: ApprovalFuncType,
        blocks: Sequence[CodeBlock],
        context: Sequence[LLMMessage],
        token: CancellationToken,
        attempt: int,
    ) -> AsyncGenerator[ExecutionEntry, None]:
        """Ask; a refusal ends with a result that says so."""
        name = self.name
        yield ApprovalRequestEvent(source=name, retry_attempt=attempt, code_blocks=list(blocks))
        request = ApprovalRequest(code=fenced(blocks), context=list(context))
        with cancel_scope(token):
            answer = await ask_approval(approval_func, request)
        yield ApprovalResponseEvent(
            source=name, retry_attempt=attempt, approved=answer.approved, reason=answer.reason
        )
        if not answer.approved:
            text = f"Code execution was not approved. Reason: {answer.reason}"
            result = CodeResult(exit_code=1, output=text, stderr=text)
            yield CodeExecutionEvent(source=name, retry_attempt=attempt, result=result)

    async def _execute(
        self, blocks: Sequence[CodeBlock], token: CancellationToken, attempt: int
    ) -> AsyncGenerator[ExecutionEntry, None]:
        result: CodeResult | None = None
        events = cast("AsyncGenerator[object, None]", self._executor.stream(list(blocks), token))
        async with aclosing(events):
            async for event in events:
                if isinstance(event, CodeResult):
                    result = event
                elif isinstance(event, OutputEvent):
                    yield CodeOutputEvent(
                        source=self.name,
                        retry_attempt=attempt,
                        content=event.text,
                        stream=event.stream,
                    )
        if result is None:
            raise BackendCrashed(f"{type(self._executor).__name__} ended without a result.")
        yield CodeExecutionEvent(source=self.name, retry_attempt=attempt, result=result)

"""One attempt to run code, from the approval to the result."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
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
from ..runtime import CancellationToken
from .blocks import runnable_blocks
from .gate import Case, Gate, Verdict
from .report import not_approved

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
    gate:
        Decides before.
    """

    def __init__(
        self, name: str, executor: CodeExecutor, languages: Sequence[str] | None, gate: Gate
    ) -> None:
        self.name = name
        self.gate = gate
        self._executor = executor
        self._languages = languages

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
        verdict = Verdict(list(blocks))
        if not self.gate.open:
            case = Case(self.name, blocks, context, attempt)
            async with aclosing(self.gate.decide(case, token)) as steps:
                async for step in steps:
                    if isinstance(step, Verdict):
                        verdict = step
                    else:
                        yield step
        if verdict.refusal is not None and not verdict.blocks:
            yield self._event(CodeResult(exit_code=0, output=""), verdict, attempt)
            return
        async with aclosing(self._execute(verdict, token, attempt)) as entries:
            async for entry in entries:
                yield entry

    async def _execute(
        self, verdict: Verdict, token: CancellationToken, attempt: int
    ) -> AsyncGenerator[ExecutionEntry, None]:
        result: CodeResult | None = None
        events = cast("AsyncGenerator[object, None]", self._executor.stream(verdict.blocks, token))
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
        yield self._event(result, verdict, attempt)

    def _event(self, result: CodeResult, verdict: Verdict, attempt: int) -> CodeExecutionEvent:
        refusal = verdict.refusal if result.exit_code == 0 else None
        if refusal is not None:
            # What was refused counts as the block that failed.
            text = not_approved(refusal)
            result = replace(
                result,
                exit_code=1,
                output=_joined(result.output, text),
                stderr=_joined(result.stderr, text),
            )
        return CodeExecutionEvent(
            source=self.name,
            retry_attempt=attempt,
            result=result,
            code_blocks=verdict.blocks if verdict.edited else None,
            refusal=refusal,
        )


def _joined(text: str, more: str) -> str:
    return f"{text.rstrip()}\n{more}" if text.strip() else more

"""A turn with a model: write code, run it, mend it, say what came out."""

import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from ...sandbox.result import CodeResult
from ..dialogue import Answer, Dialogue
from ..messages import (
    BaseAgentEvent,
    BaseChatMessage,
    CodeExecutionEvent,
    CodeGenerationEvent,
    RetryDecisionEvent,
    TextMessage,
)
from ..models import UserMessage, create_structured
from ..runtime import CancellationToken
from .execution import Execution
from .report import told

_DECIDE = (
    "The last code failed; its output is above. Decide whether it is worth trying again with "
    "mended code (retry), and say what was wrong and what to change (reason)."
)
_TRY_AGAIN = "Try again with the whole mended program. What to change: "


class RetryDecision(BaseModel):
    """Whether to try again after a failure."""

    model_config = ConfigDict(defer_build=True)

    reason: str
    retry: bool


class Writer:
    """Lets a model write code, and runs it.

    Parameters
    ----------
    dialogue:
        The model.
    execution:
        Runs its code.
    max_retries:
        How often it may try again.
    """

    def __init__(self, dialogue: Dialogue, execution: Execution, max_retries: int) -> None:
        self.dialogue = dialogue
        self._execution = execution
        self._name = execution.name
        self._max_retries = max_retries

    async def turn(
        self, messages: Sequence[BaseChatMessage], token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | TextMessage, None]:
        """Work on what ``messages`` ask for; the answer comes last."""
        await self.dialogue.hear(messages)
        for attempt in itertools.count():
            result: CodeResult | None = None
            async with aclosing(self._attempt(attempt, token)) as entries:
                async for entry in entries:
                    yield entry
                    if isinstance(entry, CodeExecutionEvent):
                        result = entry.result
            if result is None:  # The model wrote no code: that was the answer.
                return
            if result.exit_code != 0 and not result.cancelled and attempt < self._max_retries:
                decision = await self._decide(attempt, token)
                yield decision
                if decision.retry:
                    await self.dialogue.hear_text(_TRY_AGAIN + decision.reason)
                    continue
            async with aclosing(self._sum_up(result, token)) as entries:
                async for entry in entries:
                    yield entry
            return

    async def _attempt(
        self, attempt: int, token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | TextMessage, None]:
        """Write and run once; ends with the result, or with a message without code."""
        answer: Answer | None = None
        context = await self.dialogue.prompt()
        async with aclosing(self.dialogue.ask(str(uuid4()), token)) as items:
            async for item in items:
                if isinstance(item, Answer):
                    answer = item
                else:
                    yield item
        assert answer is not None, "ask() ends with an answer or raises"
        blocks = self._execution.find(answer.content)
        if not blocks:
            yield self._message(answer)
            return
        yield CodeGenerationEvent(
            id=answer.message_id,
            retry_attempt=attempt,
            content=answer.content,
            code_blocks=blocks,
            source=self._name,
            models_usage=answer.usage,
        )
        async with aclosing(
            self._execution.run(blocks, context, token, attempt=attempt)
        ) as entries:
            async for entry in entries:
                if isinstance(entry, CodeExecutionEvent):
                    await self.dialogue.hear_text(told(entry))
                yield entry

    async def _decide(self, attempt: int, token: CancellationToken) -> RetryDecisionEvent:
        prompt = [
            *await self.dialogue.prompt(),
            UserMessage(content=_DECIDE, source=self._name),
        ]
        decision, result = await create_structured(
            self.dialogue.client, prompt, RetryDecision, token
        )
        if decision is None:
            # A model that cannot fill in the form may still mend its code.
            text = result.content if isinstance(result.content, str) else ""
            decision = RetryDecision(reason=text, retry=True)
        return RetryDecisionEvent(
            source=self._name,
            retry_attempt=attempt,
            retry=decision.retry,
            reason=decision.reason,
            models_usage=result.usage,
        )

    async def _sum_up(
        self, result: CodeResult, token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | TextMessage, None]:
        """Let the model say what came out."""
        async with aclosing(self.dialogue.ask(str(uuid4()), token)) as items:
            async for item in items:
                if isinstance(item, Answer):
                    yield self._message(item, exit_code=str(result.exit_code))
                else:
                    yield item

    def _message(self, answer: Answer, **metadata: str) -> TextMessage:
        return TextMessage(
            id=answer.message_id,
            content=answer.content,
            source=self._name,
            models_usage=answer.usage,
            metadata=metadata,
        )

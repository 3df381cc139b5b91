"""Deciding what may run: by rules, and by asking."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ...executors.block import CodeBlock
from ...sandbox.errors import UsageError
from ..messages import ApprovalRequestEvent, ApprovalResponseEvent
from ..models.types import LLMMessage
from ..runtime import CancellationToken, cancel_scope
from .approval import ApprovalFuncType, ApprovalRequest, ask_approval, fenced
from .policy import ApprovalPolicy


@dataclass(slots=True)
class Verdict:
    """What may run."""

    blocks: list[CodeBlock] = field(default_factory=list[CodeBlock])
    edited: bool = False
    refusal: str | None = None
    """Why the rest may not."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be decided about."""

    source: str
    blocks: Sequence[CodeBlock]
    context: Sequence[LLMMessage]
    attempt: int


Step = ApprovalRequestEvent | ApprovalResponseEvent | Verdict


class Gate:
    """Lets code through.

    Parameters
    ----------
    func:
        Asked when no rule decides.
    policy:
        The rules; with them every block is decided by itself, without them all together.

    Raises
    ------
    UsageError
        The policy wants somebody asked, and there is nobody.
    """

    def __init__(self, func: ApprovalFuncType | None, policy: ApprovalPolicy | None) -> None:
        self._func = func
        self.policy = self._checked(policy)

    def load(self, policy: Mapping[str, Any]) -> None:
        """Go on with a saved policy.

        Raises
        ------
        UsageError
            It is none, or wants somebody asked, and there is nobody.
        """
        try:
            saved = ApprovalPolicy.model_validate(policy)
        except ValidationError as error:
            raise UsageError(f"This is not an ApprovalPolicy: {error}") from error
        self.policy = self._checked(saved)

    def _checked(self, policy: ApprovalPolicy | None) -> ApprovalPolicy | None:
        if policy is not None and policy.otherwise == "ask" and self._func is None:
            raise UsageError(
                "This ApprovalPolicy asks where no rule fits: give the agent an approval_func, or "
                "the policy otherwise='refuse'."
            )
        return policy

    @property
    def open(self) -> bool:
        """Everything may run."""
        return self._func is None and self.policy is None

    async def decide(self, case: Case, token: CancellationToken) -> AsyncGenerator[Step, None]:
        """Tell what is asked and answered; the :class:`Verdict` comes last.

        The blocks run in order and stop at the first failure, which a refusal is: what comes
        after a block that was refused is not asked for.
        """
        verdict = Verdict()
        per_block = self.policy is not None
        for blocks in [[block] for block in case.blocks] if per_block else [list(case.blocks)]:
            async with aclosing(self._part(blocks, case, token)) as events:
                async for event in events:
                    yield event
                    if isinstance(event, ApprovalResponseEvent):
                        _add(verdict, blocks, event)
            if verdict.refusal is not None:
                break
        yield verdict

    async def _part(
        self, blocks: list[CodeBlock], case: Case, token: CancellationToken
    ) -> AsyncGenerator[ApprovalRequestEvent | ApprovalResponseEvent, None]:
        rule = None if self.policy is None else self.policy.rule_for(blocks[0])
        if rule is not None:
            yield ApprovalResponseEvent(
                source=case.source,
                retry_attempt=case.attempt,
                approved=rule.decision == "approve",
                reason=rule.reason or "A remembered rule says so.",
                by_rule=True,
            )
            return
        yield ApprovalRequestEvent(
            source=case.source, retry_attempt=case.attempt, code_blocks=blocks
        )
        request = ApprovalRequest(
            code=fenced(blocks), context=list(case.context), code_blocks=blocks
        )
        assert self._func is not None, "without rules for everything there is somebody to ask"
        with cancel_scope(token):
            answer = await ask_approval(self._func, request)
        if answer.remember is not None:
            self.policy = (self.policy or ApprovalPolicy()).remember(answer.remember)
        yield ApprovalResponseEvent(
            source=case.source,
            retry_attempt=case.attempt,
            approved=answer.approved,
            reason=answer.reason,
            code_blocks=answer.code_blocks if answer.approved else None,
        )


def _add(verdict: Verdict, blocks: list[CodeBlock], answer: ApprovalResponseEvent) -> None:
    if not answer.approved:
        verdict.refusal = answer.reason
    elif answer.code_blocks is None or answer.code_blocks == blocks:
        verdict.blocks += blocks
    else:
        verdict.edited = True
        verdict.blocks += answer.code_blocks
        if not answer.code_blocks:
            verdict.refusal = answer.reason or "Nothing was left of it."

"""Deciding what may run: by rules, and by asking."""

from collections.abc import AsyncGenerator, Mapping, Sequence, Sized
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ...executors.block import CodeBlock
from ...sandbox.errors import UsageError
from ..messages import ApprovalRequestEvent, ApprovalResponseEvent
from ..models.types import LLMMessage
from ..runtime import CancellationToken, cancel_scope
from ..runtime.threads import in_thread
from .approval import ApprovalFuncType, ApprovalRequest, ask_approval, fenced
from .policy import ApprovalPolicy, ApprovalRule


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


_MAX_LOADED = 1_000
"""Rules of a saved policy."""

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
        self._own = self._checked(policy)
        self._loaded: ApprovalPolicy | None = None

    @property
    def policy(self) -> ApprovalPolicy | None:
        """The rules of the program and those remembered since, and what a loaded state refuses."""
        return self._tightened(self._loaded)

    def load(self, policy: Mapping[str, Any] | None) -> None:
        """Take over what a saved policy refuses; what it approves does not count.

        A state may come from anybody, and what runs is decided by the program and the person who
        is asked.

        Raises
        ------
        UsageError
            It is none, or wants somebody asked, and there is nobody.
        """
        if policy is None:
            self._loaded = None
            return
        rules = policy.get("rules")
        if isinstance(rules, Sized) and len(rules) > _MAX_LOADED:
            raise UsageError(f"This ApprovalPolicy has more than {_MAX_LOADED:,} rules.")
        try:
            saved = ApprovalPolicy.model_validate(policy)
        except ValidationError as error:
            raise UsageError(f"This is not an ApprovalPolicy: {error}") from error
        self._checked(self._tightened(saved))
        self._loaded = saved

    def _tightened(self, loaded: ApprovalPolicy | None) -> ApprovalPolicy | None:
        if loaded is None:
            return self._own
        # Without a policy everything is asked, or with nobody to ask, everything approved.
        own = self._own or ApprovalPolicy(otherwise="approve" if self._func is None else "ask")
        tightened = own.tightened(loaded)
        return self._own if tightened == own else tightened

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
        by_rules = self.policy is not None
        for blocks in [[block] for block in case.blocks] if by_rules else [list(case.blocks)]:
            rule = await self._rule_for(blocks[0]) if by_rules else None
            async with aclosing(self._part(blocks, rule, case, token)) as events:
                async for event in events:
                    yield event
                    if isinstance(event, ApprovalResponseEvent):
                        _add(verdict, blocks, event)
            if verdict.refusal is not None:
                break
        yield verdict

    async def _rule_for(self, block: CodeBlock) -> ApprovalRule | None:
        policy = self.policy
        # Patterns are tried in a process of their own, which is waited for.
        return None if policy is None else await in_thread(lambda: policy.rule_for(block))

    async def _part(
        self,
        blocks: list[CodeBlock],
        rule: ApprovalRule | None,
        case: Case,
        token: CancellationToken,
    ) -> AsyncGenerator[ApprovalRequestEvent | ApprovalResponseEvent, None]:
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
            self._own = (self._own or ApprovalPolicy()).remember(answer.remember)
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

"""What agents tell about code: written, approved, running, done, tried again."""

from typing import ClassVar, Literal

from ...executors.block import CodeBlock
from ...sandbox.result import CodeResult
from .base import BaseAgentEvent


class CodeGenerationEvent(BaseAgentEvent):
    """Code was found that is going to run."""

    retry_attempt: int
    """0 for the first attempt."""
    content: str
    """The message the code was found in."""
    code_blocks: list[CodeBlock]
    type: Literal["CodeGenerationEvent"] = "CodeGenerationEvent"

    def to_text(self) -> str:
        return self.content


class ApprovalRequestEvent(BaseAgentEvent):
    """Somebody is asked whether the code may run, and the agent waits."""

    retry_attempt: int = 0
    code_blocks: list[CodeBlock]
    type: Literal["ApprovalRequestEvent"] = "ApprovalRequestEvent"

    def to_text(self) -> str:
        return f"May this run? ({len(self.code_blocks)} code blocks)"


class ApprovalResponseEvent(BaseAgentEvent):
    """Whether code may run: an answer to an :class:`ApprovalRequestEvent`, or a rule's."""

    retry_attempt: int = 0
    approved: bool
    reason: str
    code_blocks: list[CodeBlock] | None = None
    """What runs instead, if the code was changed."""
    by_rule: bool = False
    """Nobody was asked: a rule of the approval policy decided."""
    type: Literal["ApprovalResponseEvent"] = "ApprovalResponseEvent"

    def to_text(self) -> str:
        return f"{'Approved' if self.approved else 'Refused'}: {self.reason}"


class CodeOutputEvent(BaseAgentEvent):
    """Text the running code printed, as soon as it arrived."""

    transient: ClassVar[bool] = True

    content: str
    stream: Literal["stdout", "stderr"] = "stdout"
    retry_attempt: int = 0
    type: Literal["CodeOutputEvent"] = "CodeOutputEvent"

    def to_text(self) -> str:
        return self.content


class CodeExecutionEvent(BaseAgentEvent):
    """The code has run."""

    retry_attempt: int
    result: CodeResult
    code_blocks: list[CodeBlock] | None = None
    """What ran, if the code was changed before."""
    refusal: str | None = None
    """Why the code, or the rest of it, was not allowed to run; ``result.output`` ends with it."""
    type: Literal["CodeExecutionEvent"] = "CodeExecutionEvent"

    def to_text(self) -> str:
        return self.result.output


class RetryDecisionEvent(BaseAgentEvent):
    """The model has looked at a failure and decided whether to try again."""

    retry_attempt: int
    """The attempt that failed."""
    retry: bool
    reason: str
    type: Literal["RetryDecisionEvent"] = "RetryDecisionEvent"

    def to_text(self) -> str:
        return self.reason

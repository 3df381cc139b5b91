"""What may run without asking, and what may not: rules as a value that can be kept."""

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, field_validator

from ...executors.block import CodeBlock, canonical_language


class ApprovalRule(BaseModel):
    """Decides about the blocks it fits; what is not given fits all."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    decision: Literal["approve", "refuse"]
    language: str | None = None
    code: str | None = None
    """The very code, but for blanks at its ends."""
    pattern: str | None = None
    """A regular expression: one that approves has to match all of the code but for blanks at its
    ends, one that refuses any part of it."""
    reason: str = ""

    @field_validator("language")
    @classmethod
    def _one_name(cls, language: str | None) -> str | None:
        return None if language is None else canonical_language(language)

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    @classmethod
    def exactly(
        cls, block: CodeBlock, decision: Literal["approve", "refuse"] = "approve", reason: str = ""
    ) -> Self:
        """The rule for this very block."""
        return cls(decision=decision, language=block.language, code=block.code, reason=reason)

    def fits(self, block: CodeBlock) -> bool:
        if self.language is not None and self.language != canonical_language(block.language):
            return False
        code = block.code.strip()
        if self.code is not None and self.code.strip() != code:
            return False
        if self.pattern is None:
            return True
        match = re.fullmatch if self.decision == "approve" else re.search
        return match(self.pattern, code, re.DOTALL) is not None


class ApprovalPolicy(BaseModel):
    """Rules, and what happens to code they do not fit.

    A rule that refuses wins over one that approves. The policy is a value: what is remembered
    makes a new one, and its JSON (``model_dump_json``) brings it back in another process.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    version: Literal["1.0.0"] = "1.0.0"
    rules: tuple[ApprovalRule, ...] = ()
    otherwise: Literal["ask", "approve", "refuse"] = "ask"

    def rule_for(self, block: CodeBlock) -> ApprovalRule | None:
        """The rule that decides about a block; ``None``: somebody has to be asked."""
        for decision in ("refuse", "approve"):
            for rule in self.rules:
                if rule.decision == decision and rule.fits(block):
                    return rule
        if self.otherwise == "ask":
            return None
        return ApprovalRule(decision=self.otherwise, reason="No rule fits it.")

    def remember(self, rule: ApprovalRule) -> "ApprovalPolicy":
        """The policy with one more rule."""
        if rule in self.rules:
            return self
        return self.model_copy(update={"rules": (*self.rules, rule)})

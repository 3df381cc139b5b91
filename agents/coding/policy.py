"""What may run without asking, and what may not: rules as a value that can be kept."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, field_validator

from ...executors.block import CodeBlock, canonical_language
from ...sandbox.intake.code_text import hidden_characters
from ...sandbox.intake.patterns import Search, find

Otherwise = Literal["ask", "approve", "refuse"]

_BLANKS = " \t\n"
_LONGEST_PATTERN = 5_000
_STRICTNESS: dict[Otherwise, int] = {"approve": 0, "ask": 1, "refuse": 2}


class ApprovalRule(BaseModel):
    """Decides about the blocks it fits; what is not given fits all.

    A rule that approves fits a block with characters that do not show what they are only if it
    names its very code.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    decision: Literal["approve", "refuse"]
    language: str | None = None
    code: str | None = None
    """The very code, but for blanks at its ends."""
    pattern: str | None = None
    """A regular expression. One that approves fits code of one line, and has to match all of it but
    for blanks at its ends; one that refuses fits code any part of which it matches. What cannot be
    told in a second is not approved, and is refused."""
    reason: str = ""

    @field_validator("language")
    @classmethod
    def _one_name(cls, language: str | None) -> str | None:
        return None if language is None else canonical_language(language)

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            if len(pattern) > _LONGEST_PATTERN:
                raise ValueError(f"it is longer than {_LONGEST_PATTERN:,} characters")
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    @classmethod
    def exactly(
        cls, block: CodeBlock, decision: Literal["approve", "refuse"] = "approve", reason: str = ""
    ) -> Self:
        """The rule for this very block."""
        return cls(decision=decision, language=block.language, code=block.code, reason=reason)

    def fits(self, block: CodeBlock) -> bool:
        return self in _fitting([self], block)

    def concerns(self, block: CodeBlock) -> bool:
        """Whether the rule fits, but for its pattern."""
        if self.language is not None and self.language != canonical_language(block.language):
            return False
        code = block.code.strip(_BLANKS)
        if self.code is not None and self.code.strip(_BLANKS) != code:
            return False
        if self.decision == "refuse":
            return True
        if self.pattern is not None and "\n" in code:
            return False
        names_it = self.code is not None and self.pattern is None
        return names_it or not hidden_characters(block.code)


class ApprovalPolicy(BaseModel):
    """Rules, and what happens to code they do not fit.

    A rule that refuses wins over one that approves. The policy is a value: what is remembered
    makes a new one, and its JSON (``model_dump_json``) brings it back in another process.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    version: Literal["1.0.0"] = "1.0.0"
    rules: tuple[ApprovalRule, ...] = ()
    otherwise: Otherwise = "ask"

    def rule_for(self, block: CodeBlock) -> ApprovalRule | None:
        """The rule that decides about a block; ``None``: somebody has to be asked."""
        first_refusals = sorted(self.rules, key=lambda rule: rule.decision == "approve")
        rule = next(_fitting(first_refusals, block), None)
        if rule is not None or self.otherwise == "ask":
            return rule
        return ApprovalRule(decision=self.otherwise, reason="No rule fits it.")

    def remember(self, rule: ApprovalRule) -> "ApprovalPolicy":
        """The policy with one more rule."""
        if rule in self.rules:
            return self
        return self.model_copy(update={"rules": (*self.rules, rule)})

    def tightened(self, other: "ApprovalPolicy") -> "ApprovalPolicy":
        """The policy with what ``other`` refuses; what that approves does not count."""
        refusals = [rule for rule in other.rules if rule.decision == "refuse"]
        stricter = max(self.otherwise, other.otherwise, key=_STRICTNESS.__getitem__)
        rules = tuple(dict.fromkeys([*self.rules, *refusals]))
        return self.model_copy(update={"rules": rules, "otherwise": stricter})


def _fitting(rules: Sequence[ApprovalRule], block: CodeBlock) -> Iterator[ApprovalRule]:
    """Those of the rules that fit a block, in their order."""
    concerned = [rule for rule in rules if rule.concerns(block)]
    searches = [
        Search(rule.pattern, whole=rule.decision == "approve")
        for rule in concerned
        if rule.pattern is not None
    ]
    found = iter(find(searches, block.code.strip(_BLANKS)))
    for rule in concerned:
        if rule.pattern is None:
            yield rule
            continue
        fits = next(found)
        unknown = fits is None and rule.decision == "refuse"
        if fits or unknown:
            yield rule

"""Patterns of approval rules: one that approves does not approve what it does not speak of."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from sandcrew.agents import ApprovalPolicy, ApprovalRule
from sandcrew.executors import CodeBlock

EVIL = "import os; os.system('id')"


def approves(pattern: str, code: str, language: str = "python") -> bool:
    rule = ApprovalRule(decision="approve", pattern=pattern)
    return rule.fits(CodeBlock(code, language))


def refuses(pattern: str, code: str) -> bool:
    rule = ApprovalRule(decision="refuse", pattern=pattern)
    return rule.fits(CodeBlock(code, "python"))


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        (r"print\(.*\)", f"print(1)\n{EVIL}\nprint(2)"),
        (r"ls .*", "ls a\nrm -rf ~"),
        (r"ls [^;|&]*", "ls a\nrm -rf ~"),
        (r"ls\s[\w\s./-]*", "ls a\nrm -rf ~"),
        (r"(?s)print\(.*\)", f"print(1)\n{EVIL}\nprint(2)"),
        (r"(?m)^ls$|.*", "ls\nrm -rf ~"),
        (r"print\(\d\)", "print(1)2"),
    ],
)
def test_a_pattern_approves_one_line_and_all_of_it(pattern: str, code: str) -> None:
    assert not approves(pattern, code)
    assert approves(pattern, code.split("\n")[0].removesuffix("2")), "the line itself, it does"


ENDS = ["\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
HIDDEN = ["\x00", "\x08", "\x1b[8m", "\u202e", "\u200b", "\ufeff", "\u00a0", "\u3000", "\U000e0041"]


@pytest.mark.parametrize("character", [*ENDS, *HIDDEN], ids=ascii)
@pytest.mark.parametrize("pattern", [r"ls .*", r"(?s)ls .*", None])
def test_code_with_hidden_characters_is_approved_by_its_very_code_only(
    pattern: str | None, character: str
) -> None:
    code = f"ls a{character}rm -rf b"
    block = CodeBlock(code, "sh")
    general = ApprovalRule(decision="approve", language="sh", pattern=pattern)
    assert not general.fits(block)
    assert general.fits(CodeBlock("ls a rm -rf b", "sh"))
    assert ApprovalRule.exactly(block).fits(block)
    assert not ApprovalRule.exactly(CodeBlock("ls a rm -rf b", "sh")).fits(block)


@pytest.mark.parametrize("blank", ["\r", "\x0c", "\x85", "\u00a0", "\u2028"], ids=ascii)
def test_only_blanks_that_are_blanks_to_everybody_do_not_count(blank: str) -> None:
    rule = ApprovalRule.exactly(CodeBlock("ls", "sh"))
    assert rule.fits(CodeBlock("\n ls\t\n", "sh"))
    assert not rule.fits(CodeBlock(f"ls{blank}", "sh"))


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        (r"os\.system", f"print(1)\n{EVIL}"),
        (r"^import os", f"print(1)\n{EVIL}"),
        (r"import os.*system", "import os\nos.system('id')"),
        (r"1\)$", "print(1)\nprint(2)"),
        (r"os\.system", "\uff4f\uff53.\uff53ystem('id')"),
        (r"rm\s+-rf", "rm\v-rf"),
    ],
)
def test_a_refusal_is_found_in_any_part(pattern: str, code: str) -> None:
    assert refuses(pattern, code)
    assert not refuses(pattern, "print('harmless')")


@pytest.mark.parametrize("pattern", [r"(a+)+b", r"(a|a)*b", r"(?:a*)*c"])
def test_what_a_pattern_cannot_tell_in_time_is_not_approved_and_refused(pattern: str) -> None:
    """A pattern that takes exponential time is ended."""
    code = "a" * 5000
    assert not approves(pattern, code)
    assert refuses(pattern, code)
    policy = ApprovalPolicy(
        rules=(
            ApprovalRule(decision="approve", pattern=pattern),
            ApprovalRule(decision="refuse", pattern="x"),
        )
    )
    assert policy.rule_for(CodeBlock(code, "python")) is None, "somebody is asked"


def test_a_refusal_that_is_found_counts_whatever_comes_after_it() -> None:
    policy = ApprovalPolicy(
        rules=(
            ApprovalRule(decision="approve", pattern="(a+)+b"),
            ApprovalRule(decision="refuse", pattern="aa", reason="two"),
        )
    )
    rule = policy.rule_for(CodeBlock("a" * 5000, "python"))
    assert rule is not None
    assert rule.reason == "two"


def test_code_that_is_too_long_for_patterns_is_not_approved_and_refused() -> None:
    code = "#" * 3_000_000
    assert not approves(".*", code)
    assert refuses("x", code)


NO_PATTERNS = ["(", "(" * 2000 + ")" * 2000, "a{99999999999999999999}", "[a-z]" * 1_000_000]


@pytest.mark.parametrize("pattern", NO_PATTERNS, ids=range(len(NO_PATTERNS)))
def test_what_is_no_pattern_is_said_at_once(pattern: str) -> None:
    with pytest.raises(ValidationError, match=r"not a regular expression|longer than"):
        ApprovalRule(decision="approve", pattern=pattern)

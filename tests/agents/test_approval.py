"""What may run: approved, changed, refused, remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from sandcrew.agents import (
    ApprovalPolicy,
    ApprovalRequest,
    ApprovalResponse,
    ApprovalRule,
    CodeExecutorAgent,
    TaskResult,
)
from sandcrew.agents.messages import (
    ApprovalRequestEvent,
    ApprovalResponseEvent,
    CodeExecutionEvent,
)
from sandcrew.agents.models import ReplayChatCompletionClient
from sandcrew.executors import CodeBlock, UsageError

if TYPE_CHECKING:
    from sandcrew.executors import LocalCommandLineCodeExecutor

pytestmark = pytest.mark.filterwarnings("ignore:LocalCommandLineCodeExecutor")

ONE = CodeBlock("print('one')\n", "python")
TWO = CodeBlock("print('two')\n", "python")
BOTH = "```python\nprint('one')\n```\nand\n```python\nprint('two')\n```"
ASK = ApprovalPolicy()


class Reviewer:
    """Answers from a list, and remembers what it was asked about."""

    def __init__(self, *answers: ApprovalResponse) -> None:
        self.answers = list(answers)
        self.asked: list[list[str]] = []

    def __call__(self, request: ApprovalRequest) -> ApprovalResponse:
        self.asked.append([block.code.strip() for block in request.code_blocks])
        return self.answers.pop(0)


def yes(**more: Any) -> ApprovalResponse:
    return ApprovalResponse(approved=True, reason="fine", **more)


NO = ApprovalResponse(approved=False, reason="not this")


async def run(agent: CodeExecutorAgent, task: str = BOTH) -> tuple[TaskResult, CodeExecutionEvent]:
    result = await agent.run(task=task)
    (event,) = [m for m in result.messages if isinstance(m, CodeExecutionEvent)]
    return result, event


async def test_with_a_policy_every_block_is_asked_for(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    reviewer = Reviewer(yes(), yes())
    async with executor:
        agent = CodeExecutorAgent("r", executor, approval_func=reviewer, approval_policy=ASK)
        _, event = await run(agent)
    assert reviewer.asked == [["print('one')"], ["print('two')"]]
    assert (event.result.exit_code, event.result.output) == (0, "one\ntwo\n")


async def test_a_refused_block_is_the_one_that_failed(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    reviewer = Reviewer(yes(), NO)
    async with executor:
        agent = CodeExecutorAgent("r", executor, approval_func=reviewer, approval_policy=ASK)
        result, event = await run(agent)
    assert event.result.exit_code == 1
    assert event.result.output.startswith("one\n")
    assert "not approved. Reason: not this" in result.messages[-1].to_text()
    assert "two" not in event.result.output


async def test_nothing_is_asked_after_a_refusal(executor: LocalCommandLineCodeExecutor) -> None:
    reviewer = Reviewer(NO)
    agent = CodeExecutorAgent("r", executor, approval_func=reviewer, approval_policy=ASK)
    _, event = await run(agent)
    assert reviewer.asked == [["print('one')"]]
    assert event.result.exit_code == 1


async def test_changed_code_runs_instead_and_the_model_is_told(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    changed = CodeBlock("print('safe')\n", "python")
    model = ReplayChatCompletionClient([BOTH, "It is safe."])
    async with executor:
        agent = CodeExecutorAgent(
            "r", executor, model_client=model, approval_func=Reviewer(yes(code_blocks=[changed]))
        )
        result, event = await run(agent, "go")
    assert event.result.output == "safe\n"
    assert event.code_blocks == [changed]
    (answer,) = [m for m in result.messages if isinstance(m, ApprovalResponseEvent)]
    assert answer.code_blocks == [changed]
    told = str(model.create_calls[-1]["messages"][-1].content)
    assert told.startswith("The code was changed before it ran.")
    assert "print('safe')" in told


async def test_who_leaves_nothing_of_it_refuses(executor: LocalCommandLineCodeExecutor) -> None:
    agent = CodeExecutorAgent("r", executor, approval_func=Reviewer(yes(code_blocks=[])))
    _, event = await run(agent)
    assert event.result.exit_code == 1


async def test_what_is_remembered_is_not_asked_again_in_another_process_either(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    """Without a policy too: the first rule makes one, which the program keeps."""
    first = Reviewer(yes(remember=ApprovalRule.exactly(ONE)))
    second = Reviewer(NO)
    async with executor:
        agent = CodeExecutorAgent("r", executor, approval_func=first)
        await run(agent)
        assert agent.approval_policy is not None
        kept = ApprovalPolicy.model_validate_json(agent.approval_policy.model_dump_json())
        agent = CodeExecutorAgent("r", executor, approval_func=second, approval_policy=kept)
        result, _ = await run(agent)
    assert first.asked == [["print('one')", "print('two')"]]
    assert second.asked == [["print('two')"]]
    by_rule, refused = [m for m in result.messages if isinstance(m, ApprovalResponseEvent)]
    assert (by_rule.approved, by_rule.by_rule) == (True, True)
    assert (refused.approved, refused.by_rule) == (False, False)


async def test_rules_alone_may_decide(executor: LocalCommandLineCodeExecutor) -> None:
    rules = (ApprovalRule(decision="refuse", pattern="two", reason="no twos"),)
    policy = ApprovalPolicy(rules=rules, otherwise="approve")
    async with executor:
        agent = CodeExecutorAgent("r", executor, approval_policy=policy)
        result, event = await run(agent)
    assert event.result.output == "one\nCode execution was not approved. Reason: no twos"
    assert not [m for m in result.messages if isinstance(m, ApprovalRequestEvent)]


async def test_a_policy_that_asks_needs_somebody_to_ask(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    with pytest.raises(UsageError, match="approval_func"):
        CodeExecutorAgent("r", executor, approval_policy=ASK)
    agent = CodeExecutorAgent("r", executor, approval_policy=ApprovalPolicy(otherwise="refuse"))
    saved = dict(await agent.save_state())
    with pytest.raises(UsageError, match="not an ApprovalPolicy"):
        await agent.load_state({**saved, "approval_policy": {"otherwise": "maybe"}})
    trusting = CodeExecutorAgent("r", executor, approval_policy=ApprovalPolicy(otherwise="approve"))
    with pytest.raises(UsageError, match="approval_func"):
        await trusting.load_state({**saved, "approval_policy": {"otherwise": "ask"}})


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (ApprovalRule(decision="approve"), True),
        (ApprovalRule(decision="approve", language="py"), True),
        (ApprovalRule(decision="approve", language="sh"), False),
        (ApprovalRule(decision="approve", code=" print('one')"), True),
        (ApprovalRule.exactly(TWO), False),
        (ApprovalRule(decision="refuse", pattern="one"), True),
        (ApprovalRule(decision="approve", pattern="one"), False),
        (ApprovalRule(decision="approve", pattern=r"print\(.*\)\s*"), True),
    ],
)
def test_a_rule_fits_what_it_says(rule: ApprovalRule, fits: bool) -> None:
    assert rule.fits(ONE) is fits


def test_a_policy_is_a_value_that_survives_json_and_refuses_first() -> None:
    refusal = ApprovalRule(decision="refuse", pattern="one")
    policy = ASK.remember(ApprovalRule(decision="approve")).remember(refusal)
    assert policy.remember(refusal) == policy
    again = ApprovalPolicy.model_validate_json(policy.model_dump_json())
    assert again == policy
    assert again.rule_for(ONE) == refusal
    assert ASK.rule_for(ONE) is None
    with pytest.raises(ValidationError, match="not a regular expression"):
        ApprovalRule(decision="refuse", pattern="(")

"""A saved state may come from anybody: loading it takes no protection away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError

from sandcrew.agents import (
    ApprovalPolicy,
    ApprovalRequest,
    ApprovalResponse,
    ApprovalRule,
    CodeExecutorAgent,
    CostTermination,
    MagenticOneGroupChat,
    MaxMessageTermination,
    NoProgressTermination,
    RoundRobinGroupChat,
    TimeoutTermination,
    TokenUsageTermination,
)
from sandcrew.agents.messages import StructuredMessage, TextMessage
from sandcrew.agents.models import ReplayChatCompletionClient, RequestUsage
from sandcrew.executors import CodeBlock, UsageError

from .crew import Speaker

if TYPE_CHECKING:
    from sandcrew.agents import TerminationCondition
    from sandcrew.executors import LocalCommandLineCodeExecutor

pytestmark = pytest.mark.filterwarnings("ignore:LocalCommandLineCodeExecutor")

CODE = CodeBlock("open('ran', 'w')\n", "python")
TASK = f"```python\n{CODE.code}```"
LAX: list[dict[str, Any]] = [
    {"otherwise": "approve"},
    {"rules": [{"decision": "approve"}]},
    {"rules": [{"decision": "approve", "language": "python"}], "otherwise": "ask"},
    {"rules": [{"decision": "approve", "code": CODE.code}]},
    {"rules": [{"decision": "approve", "pattern": "(?s).*"}], "otherwise": "approve"},
]
POLICIES = [
    None,
    ApprovalPolicy(),
    ApprovalPolicy(rules=(ApprovalRule(decision="refuse", pattern="open"),), otherwise="approve"),
]


class Refuser:
    """Says no, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, request: ApprovalRequest) -> ApprovalResponse:
        self.asked += 1
        return ApprovalResponse(approved=False, reason="no")


@pytest.mark.parametrize("policy", POLICIES, ids=["none", "asks", "refuses"])
@pytest.mark.parametrize("lax", LAX, ids=range(len(LAX)))
@pytest.mark.parametrize("in_team", [False, True])
async def test_a_loaded_state_approves_nothing(
    lax: dict[str, Any],
    policy: ApprovalPolicy | None,
    in_team: bool,
    executor: LocalCommandLineCodeExecutor,
) -> None:
    refuser = Refuser()
    agent = CodeExecutorAgent("runner", executor, approval_func=refuser, approval_policy=policy)
    team = RoundRobinGroupChat([agent], max_turns=1)
    runner = team if in_team else agent
    state = json.loads(json.dumps(await runner.save_state()))
    (state["agent_states"]["runner"] if in_team else state)["approval_policy"] = lax
    await runner.load_state(state)
    async with executor:
        await runner.run(task=TASK)
    assert not (executor.work_dir / "ran").exists()
    assert refuser.asked == (0 if policy is POLICIES[2] else 1)


async def test_a_program_may_approve_what_a_state_may_not(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    agent = CodeExecutorAgent(
        "runner", executor, approval_policy=ApprovalPolicy.model_validate(LAX[0])
    )
    async with executor:
        await agent.run(task=TASK)
    assert (executor.work_dir / "ran").exists()


@pytest.mark.parametrize(
    "strict",
    [
        {"otherwise": "refuse"},
        {"rules": [{"decision": "refuse", "pattern": "open"}], "otherwise": "approve"},
    ],
)
async def test_what_a_state_refuses_is_refused(
    strict: dict[str, Any], executor: LocalCommandLineCodeExecutor
) -> None:
    agent = CodeExecutorAgent("runner", executor)
    state = {**await agent.save_state(), "approval_policy": strict}
    await agent.load_state(state)
    async with executor:
        await agent.run(task=TASK)
    assert not (executor.work_dir / "ran").exists()


async def test_what_was_remembered_here_is_kept_when_a_state_is_loaded(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    def always(request: ApprovalRequest) -> ApprovalResponse:
        return ApprovalResponse(
            approved=True, reason="", remember=ApprovalRule.exactly(request.code_blocks[0])
        )

    agent = CodeExecutorAgent("runner", executor, approval_func=always)
    before = await agent.save_state()
    async with executor:
        await agent.run(task=TASK)
    await agent.load_state({**before, "approval_policy": {"otherwise": "refuse"}})
    assert agent.approval_policy is not None
    assert agent.approval_policy.otherwise == "refuse"
    assert [rule.code for rule in agent.approval_policy.rules] == [CODE.code]


async def test_a_state_that_cannot_be_loaded_leaves_no_rule_behind(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    agent = CodeExecutorAgent("runner", executor, approval_func=Refuser())
    team = RoundRobinGroupChat([agent, Speaker("other")], max_turns=1)
    state = json.loads(json.dumps(await team.save_state()))
    state["agent_states"]["runner"]["approval_policy"] = {"otherwise": "refuse"}
    state["speaker"] = {"next": "nobody"}
    with pytest.raises(UsageError):
        await team.load_state(state)
    assert agent.approval_policy is None


@pytest.mark.parametrize(
    "policy",
    [
        {"rules": [{"decision": "refuse"}] * 1001},
        {"rules": [{"decision": "refuse", "pattern": "(" * 5000 + ")" * 5000}]},
        {"rules": [{"decision": "refuse", "pattern": "a{99999999999999999999}"}]},
        {"rules": [{"decision": "perhaps"}]},
        {"rules": 7},
        {"more": 1},
        {"version": "9"},
    ],
    ids=["many", "deep", "big", "value", "type", "key", "version"],
)
async def test_a_damaged_policy_is_one_clear_error(
    policy: dict[str, Any], executor: LocalCommandLineCodeExecutor
) -> None:
    agent = CodeExecutorAgent("runner", executor, approval_func=Refuser())
    state = {**await agent.save_state(), "approval_policy": policy}
    with pytest.raises(UsageError, match=r"This .*ApprovalPolicy"):
        await agent.load_state(state)


ENDLESS: list[tuple[TerminationCondition, dict[str, Any]]] = [
    (MaxMessageTermination(2), {"count": -(10**9)}),
    (MaxMessageTermination(2), {"count": "-1"}),
    (TokenUsageTermination(10), {"used": [-(10**9), -(10**9)]}),
    (TokenUsageTermination(10), {"used": [0, -(10**400)]}),
    (CostTermination(1.0), {"spent": -1e9}),
    (CostTermination(1.0), {"spent": float("nan")}),
    (CostTermination(1.0), {"spent": 10**400}),
    (TimeoutTermination(60), {"elapsed": -1e9}),
    (TimeoutTermination(60), {"elapsed": float("-inf")}),
    (NoProgressTermination(), {"stalled": -(10**9)}),
]


@pytest.mark.parametrize(("condition", "state"), ENDLESS)
async def test_no_state_puts_off_the_end_for_ever(
    condition: TerminationCondition, state: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="damaged"):
        await condition.load_state({"terminated": False, **state})


async def test_nor_does_it_give_a_team_more_turns() -> None:
    team = RoundRobinGroupChat([Speaker("a")], max_turns=2)
    state = json.loads(json.dumps(await team.save_state()))
    with pytest.raises(UsageError):
        await team.load_state({**state, "current_turn": -(10**9), "interrupted": True})
    led = MagenticOneGroupChat([Speaker("a")], ReplayChatCompletionClient([]))
    state = json.loads(json.dumps(await led.save_state()))
    state["speaker"]["rounds"] = -(10**9)
    with pytest.raises(UsageError):
        await led.load_state(state)


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "kind", [None, 7, [], {"a": 1}, _nested(3000), "x" * 10_000_000], ids=range(6)
)
async def test_a_message_of_no_type_is_one_clear_error(kind: object) -> None:
    team = RoundRobinGroupChat([Speaker("a")], max_turns=1)
    await team.run(task="go")
    state = json.loads(json.dumps(await team.save_state()))
    await team.load_state(state)
    state["message_thread"][0]["type"] = kind
    with pytest.raises(UsageError) as caught:
        await team.load_state(state)
    assert len(str(caught.value)) < 10_000


class Answer(BaseModel):
    """What is said in a structure."""

    a: str


FORMATS = [
    "{a:>300000000}",
    "{a:{a}}",
    "{a:.999999999}",
    "{a.__class__.__mro__}",
    "{a[b]._c}",
    "{a}" * 9999,
    "{",
]


@pytest.mark.parametrize("form", FORMATS, ids=range(len(FORMATS)))
async def test_a_format_string_of_a_state_fills_no_memory_and_finds_no_insides(form: str) -> None:
    honest = StructuredMessage[Answer](
        content=Answer(a="x"), format_string="It is {a:>10}, {a!r}.", source="s"
    )
    assert honest.to_text() == "It is          x, 'x'."
    saved = json.loads(honest.model_dump_json())
    assert StructuredMessage[Answer].load(saved).to_text() == honest.to_text()
    with pytest.raises(ValidationError, match=r"format.string"):
        StructuredMessage[Answer].load({**saved, "format_string": form})


async def test_a_message_that_used_less_than_nothing_is_counted_as_nothing() -> None:
    condition = TokenUsageTermination(10)
    below = TextMessage.load({
        "content": "x", "source": "a",
        "models_usage": {"prompt_tokens": -(10**9), "completion_tokens": 0},
    })  # fmt: skip
    used = TextMessage(content="x", source="a", models_usage=RequestUsage(10, 0))
    assert await condition([below, used]) is not None

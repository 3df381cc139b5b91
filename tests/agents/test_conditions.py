"""What ends a run."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from sandcrew.agents import (
    AssistantAgent,
    CostTermination,
    ExternalTermination,
    FunctionalTermination,
    FunctionCallTermination,
    HandoffTermination,
    MaxMessageTermination,
    NoProgressTermination,
    RoundRobinGroupChat,
    SourceMatchTermination,
    StopMessageTermination,
    TerminatedException,
    TerminationCondition,
    TextMentionTermination,
    TextMessageTermination,
    TimeoutTermination,
    TokenUsageTermination,
    UserProxyAgent,
    WallTimeTermination,
)
from sandcrew.agents.messages import (
    HandoffMessage,
    StopMessage,
    TextMessage,
    ThoughtEvent,
    ToolCallExecutionEvent,
)
from sandcrew.agents.models import (
    FunctionExecutionResult,
    OpenAIChatCompletionClient,
    ReplayChatCompletionClient,
    RequestUsage,
)
from sandcrew.executors import UsageError

from .model_server import Hangs, ModelServer

if TYPE_CHECKING:
    from sandcrew.agents.messages import BaseAgentEvent, BaseChatMessage


def text(content: str, source: str = "a", usage: RequestUsage | None = None) -> TextMessage:
    return TextMessage(content=content, source=source, models_usage=usage)


async def many(messages: Any) -> bool:
    return len(messages) > 1


CALLED = ToolCallExecutionEvent(
    content=[FunctionExecutionResult(content="", name="save", call_id="1")], source="a"
)

CASES: list[tuple[TerminationCondition, BaseAgentEvent | BaseChatMessage, bool]] = [
    (StopMessageTermination(), StopMessage(content="", source="a"), True),
    (StopMessageTermination(), text("stop"), False),
    (MaxMessageTermination(1), text("x"), True),
    (MaxMessageTermination(1), ThoughtEvent(content="x", source="a"), False),
    (MaxMessageTermination(1, True), ThoughtEvent(content="x", source="a"), True),
    (TextMentionTermination("DONE"), text("all DONE."), True),
    (TextMentionTermination("DONE"), text("all done."), False),
    (TextMentionTermination("DONE"), ThoughtEvent(content="DONE?", source="a"), False),
    (TextMentionTermination("DONE", sources=["b"]), text("DONE"), False),
    (TextMentionTermination("DONE", sources=["b"]), text("DONE", "b"), True),
    (SourceMatchTermination(["b"]), text("x", "b"), True),
    (SourceMatchTermination(["b"]), text("x", "a"), False),
    (TextMessageTermination(), text("x"), True),
    (TextMessageTermination("b"), text("x"), False),
    (TextMessageTermination(), StopMessage(content="", source="a"), False),
    (HandoffTermination("b"), HandoffMessage(content="", source="a", target="b"), True),
    (HandoffTermination("b"), HandoffMessage(content="", source="b", target="a"), False),
    (FunctionCallTermination("save"), CALLED, True),
    (FunctionCallTermination("load"), CALLED, False),
    (TokenUsageTermination(max_total_token=3), text("x", usage=RequestUsage(1, 2)), True),
    (TokenUsageTermination(max_total_token=4), text("x", usage=RequestUsage(1, 2)), False),
    (TokenUsageTermination(max_prompt_token=1), text("x", usage=RequestUsage(1, 2)), True),
    (TokenUsageTermination(max_completion_token=3), text("x", usage=RequestUsage(1, 2)), False),
    (CostTermination(0.5), text("x", usage=RequestUsage(1, 1, cost=0.5)), True),
    (CostTermination(0.5), text("x", usage=RequestUsage(1, 1, cost=0.4)), False),
    (CostTermination(0.5), text("x", usage=RequestUsage(1, 1)), False),
    (NoProgressTermination(1), text(" "), True),
    (NoProgressTermination(1), text("x"), False),
    (WallTimeTermination(0), text("x"), True),
    (WallTimeTermination(3600), text("x"), False),
    (TimeoutTermination(0), text("x"), True),
    (TimeoutTermination(3600), text("x"), False),
    (FunctionalTermination(lambda messages: len(messages) == 1), text("x"), True),
    (FunctionalTermination(many), text("x"), False),
]


@pytest.mark.parametrize(("condition", "message", "met"), CASES)
async def test_a_condition_is_met_or_not_and_starts_anew(
    condition: TerminationCondition, message: BaseAgentEvent | BaseChatMessage, met: bool
) -> None:
    for _ in range(2):
        stop = await condition([message])
        assert (stop is not None) is met is condition.terminated
        if met:
            with pytest.raises(TerminatedException):
                await condition([message])
        await condition.reset()
        assert not condition.terminated


async def test_external_termination_ends_the_run_when_it_is_set() -> None:
    condition = ExternalTermination()
    assert await condition([text("x")]) is None
    condition.set()
    other = ExternalTermination()
    await other.load_state(await condition.save_state())
    assert await condition([text("x")]) is not None
    assert await other([text("x")]) is not None


def test_token_usage_without_a_limit_is_refused() -> None:
    with pytest.raises(UsageError):
        TokenUsageTermination()


async def test_and_waits_for_all_or_for_one() -> None:
    both = MaxMessageTermination(2) & TextMentionTermination("DONE")
    assert await both([text("DONE")]) is None
    stop = await both([text("x")])
    assert stop is not None
    assert "DONE" in stop.content
    assert "2" in stop.content

    either = MaxMessageTermination(2) | TextMentionTermination("DONE")
    assert await either([text("x")]) is None
    assert await either([text("x")]) is not None
    with pytest.raises(TerminatedException):
        await either([text("x")])


async def test_combinations_nest_and_remember_their_progress() -> None:
    def new() -> TerminationCondition:
        return (MaxMessageTermination(3) & TextMentionTermination("DONE")) | TokenUsageTermination(
            9
        )

    first, second = new(), new()
    await first([text("DONE", usage=RequestUsage(3, 3)), text("x")])
    await second.load_state(await first.save_state())
    stop = await second([text("x")])
    assert stop is not None
    assert "DONE" in stop.content
    with pytest.raises(UsageError):
        await (
            MaxMessageTermination(1)
            .__or__(MaxMessageTermination(2))
            .load_state({"conditions": [{}]})
        )


@pytest.mark.parametrize("sources", [None, ["user"]])
async def test_the_task_never_ends_the_run_by_its_words(sources: list[str] | None) -> None:
    model = ReplayChatCompletionClient(["one", "two"])
    condition = TextMentionTermination("DONE", sources) | MaxMessageTermination(3)
    team = RoundRobinGroupChat([AssistantAgent("a", model)], termination_condition=condition)
    result = await team.run(task="Say DONE when you are.")
    assert len(result.messages) == 3


async def test_a_person_called_user_may_end_the_run() -> None:
    person = UserProxyAgent("user", input_func=lambda prompt: "DONE")
    team = RoundRobinGroupChat([person], termination_condition=TextMentionTermination("DONE"))
    result = await team.run(task="Say DONE when you are.")
    assert [message.to_text() for message in result.messages][1:] == ["", "DONE"]


async def test_who_says_the_same_again_and_again_makes_no_progress() -> None:
    first, second = NoProgressTermination(3), NoProgressTermination(3)
    for turn in (text("x"), text("y", "b"), text("x "), text("y", "b")):
        assert await first([turn]) is None
    await second.load_state(json.loads(json.dumps(await first.save_state())))
    assert await second([text("x")]) is not None
    assert await first([text("new")]) is None
    assert await first([text("x")]) is None


async def test_agents_that_go_round_in_circles_are_stopped() -> None:
    members = [
        AssistantAgent(name, ReplayChatCompletionClient(["You first.", "No, you."] * 20))
        for name in ("a", "b")
    ]
    team = RoundRobinGroupChat(members, termination_condition=NoProgressTermination())
    result = await team.run(task="Begin.")
    assert result.stop_reason == "No progress: 3 turns in a row brought nothing new"
    assert len(result.messages) == 1 + 4 + 3


async def test_costs_add_up_over_a_saved_run() -> None:
    first, second = CostTermination(1), CostTermination(1)
    assert await first([text("x", usage=RequestUsage(1, 1, cost=0.75))]) is None
    await second.load_state(json.loads(json.dumps(await first.save_state())))
    assert await second([text("x", usage=RequestUsage(1, 1, cost=0.25))]) is not None


async def test_time_alone_ends_a_run_only_where_the_combination_says_so() -> None:
    time, other = WallTimeTermination(3600), MaxMessageTermination(9)
    assert (time & other).seconds_left() is None
    left = (time | other).seconds_left()
    assert left is not None
    assert left <= 3600
    assert (time & WallTimeTermination(7200)).seconds_left() == 7200
    assert (other | other).seconds_left() is None


@pytest.mark.parametrize("make", [CostTermination, NoProgressTermination])
def test_a_limit_that_is_none_is_refused(make: Any) -> None:
    with pytest.raises(UsageError):
        make(0)


async def test_wall_time_interrupts_the_turn_that_is_being_taken() -> None:
    """AutoGen looks at the clock only between turns."""
    async with ModelServer([Hangs("Let me think"), "Done."]) as server:
        client = OpenAIChatCompletionClient(model="m", api_key="k", base_url=server.url)
        agent = AssistantAgent("a", client, model_client_stream=True)
        condition = WallTimeTermination(0.05) | MaxMessageTermination(2)
        team = RoundRobinGroupChat([agent], termination_condition=condition)
        async with asyncio.timeout(30):
            result = await team.run(task="go")
        assert result.stop_reason == "Timeout of 0.05 seconds reached"
        assert [message.to_text() for message in result.messages] == ["go"]

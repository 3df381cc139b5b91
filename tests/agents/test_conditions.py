"""What ends a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandcrew.agents import (
    AssistantAgent,
    ExternalTermination,
    FunctionalTermination,
    FunctionCallTermination,
    HandoffTermination,
    MaxMessageTermination,
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
    ReplayChatCompletionClient,
    RequestUsage,
)
from sandcrew.executors import UsageError

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
    assert await condition([text("x")]) is not None


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

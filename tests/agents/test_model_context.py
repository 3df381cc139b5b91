"""What a model is shown: the task always, and no call without its result."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from sandcrew.agents import AssistantAgent
from sandcrew.agents.model_context import (
    BufferedChatCompletionContext,
    ChatCompletionContext,
    HeadAndTailChatCompletionContext,
    SummarizingChatCompletionContext,
    TokenLimitedChatCompletionContext,
    UnboundedChatCompletionContext,
)
from sandcrew.agents.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ReplayChatCompletionClient,
    RequestUsage,
    SystemMessage,
    UserMessage,
)
from sandcrew.agents.runtime import FunctionCall
from sandcrew.executors import BackendCrashed, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

TASK = UserMessage(content="The task", source="user")


def summaries() -> ReplayChatCompletionClient:
    return ReplayChatCompletionClient([f"summary {number}" for number in range(50)])


CONTEXTS: list[Callable[[], ChatCompletionContext]] = [
    UnboundedChatCompletionContext,
    lambda: BufferedChatCompletionContext(1),
    lambda: BufferedChatCompletionContext(4),
    lambda: HeadAndTailChatCompletionContext(1, 1),
    lambda: HeadAndTailChatCompletionContext(2, 3),
    lambda: HeadAndTailChatCompletionContext(4, 2),
    lambda: TokenLimitedChatCompletionContext(summaries(), token_limit=1),
    lambda: TokenLimitedChatCompletionContext(summaries(), token_limit=12),
    lambda: TokenLimitedChatCompletionContext(summaries()),
    lambda: SummarizingChatCompletionContext(summaries(), max_messages=2, keep_last=1),
    lambda: SummarizingChatCompletionContext(summaries(), max_messages=6, keep_last=3),
]


def conversation() -> list[LLMMessage]:
    """Instructions, the task, and calls one after the other, some followed by words."""
    messages: list[LLMMessage] = [SystemMessage(content="Be kind."), TASK]
    for number in range(8):
        call = FunctionCall(str(number), "{}", "f")
        result = FunctionExecutionResult(content=f"r {number}", name="f", call_id=call.id)
        messages.append(AssistantMessage(content=[call], source="a"))
        messages.append(FunctionExecutionResultMessage(content=[result]))
        if number % 3 == 0:
            messages.append(AssistantMessage(content=f"words {number}", source="a"))
    return messages


def is_call(message: LLMMessage) -> bool:
    return isinstance(message, AssistantMessage) and not isinstance(message.content, str)


@pytest.mark.parametrize("make", CONTEXTS)
async def test_no_context_splits_a_call_from_its_result_or_drops_the_task_or_the_end(
    make: Callable[[], ChatCompletionContext],
) -> None:
    context = make()
    messages = conversation()
    for index, message in enumerate(messages):
        await context.add_message(message)
        if is_call(message):
            continue  # Its result comes before the model is asked.
        shown = await context.get_messages()
        if index >= 1:
            assert TASK in shown
        assert shown[-1] == message
        for first, second in pairwise([*shown, None]):
            if first is not None and is_call(first):
                assert isinstance(second, FunctionExecutionResultMessage)
            if isinstance(second, FunctionExecutionResultMessage):
                assert first is not None
                assert is_call(first)


async def fill(context: ChatCompletionContext, *texts: str) -> None:
    for text in texts:
        await context.add_message(UserMessage(content=text, source="user"))


async def shown(context: ChatCompletionContext) -> list[str]:
    return [str(message.content) for message in await context.get_messages()]


async def test_head_and_tail_say_what_is_missing() -> None:
    context = HeadAndTailChatCompletionContext(1, 2)
    await fill(context, "a", "b", "c")
    assert await shown(context) == ["a", "b", "c"]
    await fill(context, "d", "e")
    assert await shown(context) == ["a", "Skipped 2 messages.", "d", "e"]


async def test_tokens_limit_from_the_front_after_the_task() -> None:
    context = TokenLimitedChatCompletionContext(summaries(), token_limit=5)
    await fill(context, "the task", "two words", "one", "two three")
    assert await shown(context) == ["the task", "one", "two three"]
    full = TokenLimitedChatCompletionContext(summaries())
    await fill(full, "the task", "word " * 9_000, "the end")
    assert await shown(full) == ["the task", "the end"]


async def test_a_summary_takes_the_place_of_the_old_messages() -> None:
    model = summaries()
    context = SummarizingChatCompletionContext(model, max_messages=4, keep_last=2)
    await fill(context, "task", "b", "c", "d")
    assert await shown(context) == ["task", "b", "c", "d"]
    await fill(context, "e")
    view = ["task", "Summary of the conversation so far:\nsummary 0", "d", "e"]
    assert await shown(context) == view == await shown(context)
    asked = str(model.create_calls[0]["messages"][-1].content)
    assert [json.loads(line)["content"] for line in asked.split("\n")] == ["b", "c"]
    await fill(context, "f", "g")
    assert await shown(context) == [
        "task", "Summary of the conversation so far:\nsummary 1", "f", "g",
    ]  # fmt: skip
    # The second summary was made of the first.
    assert "summary 0" in str(model.create_calls[1]["messages"])
    assert len(model.create_calls) == 2


async def test_a_summary_is_saved_and_forgotten() -> None:
    first = SummarizingChatCompletionContext(summaries(), max_messages=4, keep_last=2)
    await fill(first, "task", "b", "c", "d", "e")
    view = await shown(first)
    model = summaries()
    second = SummarizingChatCompletionContext(model, max_messages=4, keep_last=2)
    await second.load_state(json.loads(json.dumps(await first.save_state())))
    assert await shown(second) == view
    assert not model.create_calls
    await second.clear()
    assert await shown(second) == []


async def test_a_summary_of_a_turn_that_failed_does_not_stay() -> None:
    context = SummarizingChatCompletionContext(summaries(), max_messages=4, keep_last=1)
    await fill(context, "task", "b", "c")
    with suppress(ZeroDivisionError):
        async with context.transaction():
            await fill(context, "d", "e", "f")
            assert "summary 0" in (await shown(context))[1]
            raise ZeroDivisionError
    assert await shown(context) == ["task", "b", "c"]


async def test_what_summing_up_took_is_in_the_usage_of_the_turn() -> None:
    context = SummarizingChatCompletionContext(summaries(), max_messages=2, keep_last=1)
    await fill(context, "task", "b", "c")
    model = ReplayChatCompletionClient(["Hello."])
    agent = AssistantAgent("a", model, system_message=None, model_context=context)
    result = await agent.run(task="d")
    extra = result.usage.prompt_tokens - model.total_usage().prompt_tokens
    assert extra > 0
    assert context.take_usage() is None
    assert result.usage == model.total_usage() + RequestUsage(extra, 2)


async def test_a_summary_that_is_none_is_an_error() -> None:
    context = SummarizingChatCompletionContext(
        ReplayChatCompletionClient([""]), max_messages=2, keep_last=1
    )
    await fill(context, "task", "b", "c")
    with pytest.raises(BackendCrashed, match="said nothing"):
        await context.get_messages()


def test_sizes_that_make_no_sense_are_refused() -> None:
    for sizes in ((0, 1), (1, 0)):
        with pytest.raises(UsageError):
            HeadAndTailChatCompletionContext(*sizes)
    with pytest.raises(UsageError):
        TokenLimitedChatCompletionContext(summaries(), token_limit=0)
    with pytest.raises(UsageError):
        SummarizingChatCompletionContext(summaries(), max_messages=2, keep_last=2)


async def test_what_is_replaced_in_a_turn_that_fails_comes_back() -> None:
    context = UnboundedChatCompletionContext()
    await fill(context, "a", "b")
    with suppress(ZeroDivisionError):
        async with context.transaction():
            await context.replace_message(
                lambda message: message.content == "a", SystemMessage(content="new")
            )
            assert await shown(context) == ["b", "new"]
            assert "new" not in json.dumps(await context.save_state())
            raise ZeroDivisionError
    assert await shown(context) == ["a", "b"]


@pytest.mark.parametrize("make", CONTEXTS)
async def test_a_state_of_something_else_is_refused(
    make: Callable[[], ChatCompletionContext],
) -> None:
    for state in ({"version": "9"}, {"messages": [{"type": "x"}]}):
        with pytest.raises(UsageError):
            await make().load_state(state)


@pytest.mark.parametrize("make", CONTEXTS)
async def test_what_a_memory_brings_up_takes_nobodys_place(
    make: Callable[[], ChatCompletionContext],
) -> None:
    context = make()
    await fill(context, "The task", *"abcdefgh")
    await context.add_message(SystemMessage(content="memory"))
    view = await shown(context)
    assert view[0] == "The task"
    assert view[-2:] == ["h", "memory"]

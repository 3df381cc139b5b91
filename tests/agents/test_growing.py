"""A long conversation is not walked anew each turn, and what is shown is the same as if it were."""

from __future__ import annotations

import random

import pytest

from sandcrew.agents import AssistantAgent, RoundRobinGroupChat
from sandcrew.agents.messages import MultiModalMessage
from sandcrew.agents.model_context.units import Units, units_of
from sandcrew.agents.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ReplayChatCompletionClient,
    SystemMessage,
    UserMessage,
)
from sandcrew.agents.models.growing import Growing
from sandcrew.agents.runtime import FunctionCall, Image


def said(text: str) -> LLMMessage:
    return UserMessage(content=text, source="user")


def some_message(number: int, choose: random.Random) -> LLMMessage:
    call = FunctionCall(str(number), "{}", "f")
    result = FunctionExecutionResult(content=str(number), name="f", call_id="1")
    return choose.choice(
        [
            said(str(number)),
            SystemMessage(content=str(number)),
            AssistantMessage(content=[call], source="a"),
            FunctionExecutionResultMessage(content=[result]),
            FunctionExecutionResultMessage(content=[result]),
        ]
    )


def test_only_what_is_new_is_new() -> None:
    growing = Growing()
    a, b, c, d = (said(text) for text in "abcd")
    assert growing.same([a, b]) == 0
    assert growing.same([a, b, c]) == 2
    assert growing.same([a, b, c]) == 3
    assert growing.same([a, b, d, c]) == 2
    assert growing.same([a, b]) == 2
    assert growing.same([d, a, b]) == 0
    assert growing.same([]) == 0


@pytest.mark.parametrize("seed", range(20))
def test_units_are_the_same_however_a_conversation_changes(seed: int) -> None:
    choose = random.Random(seed)
    units, messages = Units(), list[LLMMessage]()
    for number in range(200):
        for _ in range(choose.randrange(4)):
            messages.append(some_message(number, choose))
        if choose.random() < 0.3:  # A turn that failed.
            del messages[choose.randrange(len(messages) + 1) :]
        if messages and choose.random() < 0.3:  # A memory that is told anew.
            del messages[choose.randrange(len(messages))]
        assert units.of(messages) == units_of(messages)


async def test_a_model_that_cannot_see_is_never_shown_a_picture() -> None:
    model = ReplayChatCompletionClient(["one", "two", "three", "four"])
    team = RoundRobinGroupChat(
        [AssistantAgent("a", model), AssistantAgent("b", model)], max_turns=2
    )
    for text in ("look", "and now"):
        await team.run(task=MultiModalMessage(content=[text, Image(data="AAAA")], source="user"))
    prompts = [call["messages"] for call in model.create_calls]
    assert [len(prompt) for prompt in prompts] == [2, 3, 5, 6]
    for prompt in prompts:
        assert all(isinstance(message.content, str) for message in prompt)
    assert "look\n<image>" in [message.content for message in prompts[-1]]


async def test_a_replay_counts_the_words_of_each_conversation() -> None:
    model = ReplayChatCompletionClient(["four words it is"] * 6)
    team = RoundRobinGroupChat(
        [AssistantAgent(name, model, system_message=f"You are {name}") for name in "ab"],
        max_turns=6,
    )
    result = await team.run(task="go on")
    used = [m.models_usage.prompt_tokens for m in result.messages if m.models_usage is not None]
    assert used == [5, 9, 13, 17, 21, 25]
    assert used == [model.count_tokens(call["messages"]) for call in model.create_calls]

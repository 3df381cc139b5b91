"""The agent behind which a team works."""

from __future__ import annotations

import asyncio
import json

import pytest

from sandcrew.agents import (
    MaxMessageTermination,
    RoundRobinGroupChat,
    SelectorGroupChat,
    SocietyOfMindAgent,
    Swarm,
)
from sandcrew.agents.messages import TextMessage
from sandcrew.agents.model_context import SummarizingChatCompletionContext
from sandcrew.agents.models import OpenAIChatCompletionClient, RequestUsage
from sandcrew.agents.runtime import CancellationToken

from .crew import Speaker, hand, model, said, speakers
from .model_server import Hangs, ModelServer


def inner() -> RoundRobinGroupChat:
    return RoundRobinGroupChat([Speaker("x"), Speaker("y")], max_turns=2)


async def test_a_team_works_and_a_model_answers_for_it() -> None:
    client = model("In short: done.")
    agent = SocietyOfMindAgent("society", inner(), client)
    result = await agent.run(task="go")
    assert said(result.messages) == ["go", "x1", "y1", "In short: done."]
    assert result.messages[-1].source == "society"
    asked = [message.content for message in client.create_calls[0]["messages"]]
    assert asked == [agent.DEFAULT_INSTRUCTION, "x1", "y1", agent.DEFAULT_RESPONSE_PROMPT]


async def test_the_usage_of_everybody_counts() -> None:
    team = SelectorGroupChat([Speaker("x"), Speaker("y")], model("x"), max_turns=1)
    result = await SocietyOfMindAgent("society", team, model("done")).run(task="go")
    assert result.usage == RequestUsage(20, 2)


async def test_the_others_in_a_team_hear_only_the_answer() -> None:
    a = Speaker("a")
    society = SocietyOfMindAgent("society", inner(), model("done"))
    result = await RoundRobinGroupChat([society, a], max_turns=2).run(task="go")
    assert said(result.messages) == ["go", "x1", "y1", "done", "a1"]
    assert a.heard == [["go", "done"]]


async def test_what_was_asked_before_is_told_to_the_team_again() -> None:
    agent = SocietyOfMindAgent("society", inner(), model("one", "two"))
    await agent.run(task="first")
    await agent.run(task="second")
    context = [message.content for message in await agent.model_context.get_messages()]
    assert context == ["first", "second"]
    await agent.on_reset(CancellationToken())
    assert await agent.model_context.get_messages() == []


async def test_a_swarm_may_be_behind_it() -> None:
    team = Swarm([Speaker("x", hand("x", "y")), Speaker("y")], max_turns=2)
    agent = SocietyOfMindAgent("society", team, model("one", "two"))
    await agent.run(task="first")
    assert said((await agent.run(task="second")).messages)[-1] == "two"


async def test_its_model_call_stops_and_is_made_again_without_the_team() -> None:
    async with ModelServer([Hangs(), "done"]) as server, asyncio.timeout(30):
        client = OpenAIChatCompletionClient(model="m", base_url=server.url, api_key="k")
        society = SocietyOfMindAgent("society", inner(), client)
        team = RoundRobinGroupChat([society], max_turns=1)
        token = CancellationToken()
        running = asyncio.create_task(team.run(task="go", cancellation_token=token))
        await server.hanging.wait()
        token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await server.left.wait()
        assert said((await team.run()).messages) == ["done"]
    contents = [message["content"] for message in server.requests[1]["messages"]]
    assert contents[1:-1] == ["x1", "y1"]


async def test_an_interrupted_turn_goes_on_where_its_team_stopped_in_another_process_too() -> None:
    first = RoundRobinGroupChat([SocietyOfMindAgent("society", inner(), model())], max_turns=1)
    async for item in first.run_stream(task="go"):
        if isinstance(item, TextMessage) and item.source == "x":
            break
    state = json.loads(json.dumps(await first.save_state()))
    client = model("done")
    second = RoundRobinGroupChat([SocietyOfMindAgent("society", inner(), client)], max_turns=1)
    await second.load_state(state)
    assert said((await second.run()).messages) == ["y1", "done"]
    asked = [message.content for message in client.create_calls[0]["messages"]]
    assert asked[1:-1] == ["x1", "y1"]


async def test_what_its_context_uses_is_counted() -> None:
    inner = RoundRobinGroupChat([Speaker("a")], max_turns=1)
    context = SummarizingChatCompletionContext(model("short"), max_messages=2, keep_last=1)
    society = SocietyOfMindAgent("s", inner, model("1", "2", "3", "4"), model_context=context)
    used = [(await society.run(task=f"{number}")).usage.prompt_tokens for number in range(4)]
    assert used == [10, 10, 10, 20]


async def test_13_its_memory_is_saved() -> None:
    agent = SocietyOfMindAgent("society", inner(), model("one"))
    await agent.run(task="first")
    other = SocietyOfMindAgent("society", inner(), model())
    await other.load_state(json.loads(json.dumps(await agent.save_state())))
    assert [m.content for m in await other.model_context.get_messages()] == ["first"]


async def test_a_team_that_says_nothing_makes_no_answer_up() -> None:
    team = RoundRobinGroupChat([Speaker("x")], termination_condition=MaxMessageTermination(1))
    client = model()
    result = await SocietyOfMindAgent("society", team, client).run(task="go")
    assert (speakers(result.messages), said(result.messages)[-1]) == (
        ["user", "society"],
        "No response.",
    )
    assert client.create_calls == []

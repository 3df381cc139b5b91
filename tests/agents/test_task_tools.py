"""Agents and teams as tools."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sandcrew.agents import AssistantAgent, RoundRobinGroupChat, TaskResult
from sandcrew.agents.messages import ToolCallExecutionEvent
from sandcrew.agents.models import OpenAIChatCompletionClient, ReplayChatCompletionClient
from sandcrew.agents.runtime import CancellationToken
from sandcrew.agents.tools import AgentTool, TeamTool
from sandcrew.executors import UsageError

from .crew import Speaker, Waits, said
from .model_server import ModelServer, Says


def team(*members: Any) -> RoundRobinGroupChat:
    return RoundRobinGroupChat(members or [Speaker("x"), Speaker("y")], max_turns=2)


async def test_a_team_is_given_a_task_and_what_it_said_comes_back() -> None:
    tool = TeamTool(team(), name="crew", description="Two.")
    result = await tool.run_json({"task": "go"}, CancellationToken())
    assert isinstance(result, TaskResult)
    told = [json.loads(line) for line in tool.return_value_as_string(result).split("\n")]
    assert [(m["source"], m["content"]) for m in told] == [("user", "go"), ("x", "x1"), ("y", "y1")]
    short = TeamTool(team(), name="crew", description="Two.", return_value_as_last_message=True)
    assert short.return_value_as_string(result) == "y1"


async def test_what_happens_is_told_while_it_does() -> None:
    tool = AgentTool(Speaker("x", description="An expert."))
    assert (tool.name, tool.description) == ("x", "An expert.")
    *told, result = [i async for i in tool.run_json_stream({"task": "go"}, CancellationToken())]
    assert [item.to_text() for item in told if not isinstance(item, TaskResult)] == ["x1"]
    assert isinstance(result, TaskResult)
    assert said(result.messages) == ["x1"]


async def test_a_model_calls_agents_in_parallel_and_each_takes_one_task_at_a_time() -> None:
    helper = ReplayChatCompletionClient(["first", "second"])
    expert = AssistantAgent("expert", helper, description="An expert.")
    calls = tuple((f"c{n}", "expert", json.dumps({"task": f"task {n}"})) for n in range(2))
    async with ModelServer([Says("", tool_calls=calls), "Both done."]) as server:
        client = OpenAIChatCompletionClient(model="gpt-4o", base_url=server.url, api_key="k")
        boss = AssistantAgent(
            "boss", client, tools=[AgentTool(expert, return_value_as_last_message=True)],
            max_tool_iterations=2,
        )  # fmt: skip
        async with asyncio.timeout(30):
            result = await boss.run(task="go")
    executed = [m for m in result.messages if isinstance(m, ToolCallExecutionEvent)]
    assert sorted(r.content for r in executed[0].content) == ["first", "second"]
    assert result.messages[-1].to_text() == "Both done."


async def test_the_token_stops_the_agent_inside() -> None:
    inside = Waits("x")
    token = CancellationToken()
    tool = TeamTool(team(inside), name="crew", description="One.")
    running = asyncio.create_task(tool.run_json({"task": "go"}, token))
    async with asyncio.timeout(30):
        await inside.waiting.wait()
        token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await inside.gave_up.wait()


async def test_the_memory_of_the_agent_inside_is_the_tools_state() -> None:
    tool, other = AgentTool(Speaker("x")), AgentTool(Speaker("x"))
    await tool.run_json({"task": "go"}, CancellationToken())
    await other.load_state_json(json.loads(json.dumps(await tool.save_state_json())))
    result = await other.run_json({"task": "go"}, CancellationToken())
    assert other.return_value_as_string(result).endswith('"x2"}')


@pytest.mark.parametrize("arguments", [{}, {"task": 3}, {"job": "go"}])
async def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="task"):
        await AgentTool(Speaker("x")).run_json(arguments, CancellationToken())


def test_a_tool_needs_a_name_a_model_can_say() -> None:
    with pytest.raises(UsageError, match="identifier"):
        TeamTool(team(), name="the crew", description="")

"""A run saved after any turn goes on in another process; a time limit interrupts a turn."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandcrew.agents import (
    DiGraphBuilder,
    GraphFlow,
    GroupChat,
    MagenticOneGroupChat,
    MaxMessageTermination,
    RoundRobinGroupChat,
    SelectorGroupChat,
    SocietyOfMindAgent,
    Swarm,
    TaskResult,
    TextMentionTermination,
)
from sandcrew.agents.messages import BaseChatMessage

from .crew import Speaker, hand, model
from .test_magentic import DONE, PLANNED, ledger
from .test_routed import Request, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandcrew.agents import BaseGroupChat
    from sandcrew.agents.models import ChatCompletionClient

ROOT = Path(__file__).parents[2]


def ends() -> Any:
    return MaxMessageTermination(7) & TextMentionTermination("b")


def round_robin(client: ChatCompletionClient) -> BaseGroupChat:
    inner = RoundRobinGroupChat([Speaker("x"), Speaker("y")], name="inner", max_turns=2)
    return RoundRobinGroupChat([Speaker("a"), inner, Speaker("b")], termination_condition=ends())


def selector(client: ChatCompletionClient) -> BaseGroupChat:
    def select(thread: Any) -> str | None:
        """Every other speaker; the model selects the rest."""
        said = sum(isinstance(message, BaseChatMessage) for message in thread)
        return "b" if said % 2 else None

    members = [Speaker(name) for name in "abc"]
    return SelectorGroupChat(members, client, selector_func=select, termination_condition=ends())


def swarm(client: ChatCompletionClient) -> BaseGroupChat:
    a = Speaker("a", "hm", hand("a", "b"), "so", hand("a", "b"))
    b = Speaker("b", "hm", hand("b", "a"), "b is done")
    return Swarm([a, b], termination_condition=ends())


def graph(client: ChatCompletionClient) -> BaseGroupChat:
    a, b, c, d = (Speaker(name) for name in "abcd")
    builder = DiGraphBuilder()
    for agent in (a, b, c, d):
        builder.add_node(agent)
    builder.add_edge(a, b).add_edge(b, c).add_edge(a, d).add_edge(c, d)
    return GraphFlow(builder.get_participants(), builder.build())


def parallel_graph(client: ChatCompletionClient) -> BaseGroupChat:
    a, b, c, d = (Speaker(name) for name in "abcd")
    builder = DiGraphBuilder()
    for agent in (a, b, c, d):
        builder.add_node(agent)
    builder.add_edge(a, b).add_edge(a, c).add_edge(b, d).add_edge(c, d)
    return GraphFlow(builder.get_participants(), builder.build())


def routed(client: ChatCompletionClient) -> BaseGroupChat:
    a = Speaker("a", request("a", "b"), request("a", "b"), request("a", "b"))
    b = Speaker("b", request("b", "a"), request("b", "a"))
    return GroupChat([a, b], routing="role_based", custom_message_types=[Request])


def society(client: ChatCompletionClient) -> BaseGroupChat:
    inner = RoundRobinGroupChat([Speaker("x"), Speaker("y")], name="inner", max_turns=2)
    agent = SocietyOfMindAgent("society", inner, client)
    return RoundRobinGroupChat([agent, Speaker("b")], max_turns=3)


def magentic(client: ChatCompletionClient) -> BaseGroupChat:
    return MagenticOneGroupChat([Speaker("a"), Speaker("b")], client)


TEAMS: dict[str, Callable[[ChatCompletionClient], BaseGroupChat]] = {
    team.__name__: team
    for team in (
        round_robin, selector, swarm, graph, parallel_graph, routed, society, magentic
    )
}  # fmt: skip
ANSWERS: dict[str, tuple[str, ...]] = {
    "selector": ("a", "c", "a"),
    "society": ("one", "two"),
    "magentic": (*PLANNED, ledger("a"), ledger("b"), ledger("a"), *DONE),
}


def end_of(result: TaskResult) -> dict[str, Any]:
    said = [[m.source, m.to_text()] for m in result.messages if isinstance(m, BaseChatMessage)]
    return {"said": said, "stop": result.stop_reason}


async def save_after(name: str, count: int) -> dict[str, Any]:
    """Break a run after some messages, and save it."""
    client = model(*ANSWERS.get(name, ()))
    team = TEAMS[name](client)
    async with aclosing(team.run_stream(task="go")) as items:
        async for item in items:
            count -= isinstance(item, BaseChatMessage)
            if count == 0:
                break
    return {"state": await team.save_state(), "used": len(client.create_calls)}


async def go_on(name: str, saved: dict[str, Any]) -> dict[str, Any]:
    team = TEAMS[name](model(*ANSWERS.get(name, ())[saved["used"] :]))
    await team.load_state(saved["state"])
    return end_of(await team.run())


async def other_process() -> None:
    """Reads runs that were broken off, and prints how they end."""
    job = json.load(sys.stdin)
    print(json.dumps([await go_on(job["name"], saved) for saved in job["runs"]]))


PROGRAM = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.agents import test_team_resume
asyncio.run(test_team_resume.other_process())
"""


@pytest.mark.parametrize("name", TEAMS)
async def test_a_run_broken_off_after_any_message_goes_on_in_another_process(name: str) -> None:
    whole = end_of(await TEAMS[name](model(*ANSWERS.get(name, ()))).run(task="go"))
    said = whole["said"]
    assert len(said) > 4
    runs = [await save_after(name, count) for count in range(1, len(said))]
    child = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(root=str(ROOT))],
        input=json.dumps({"name": name, "runs": runs}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    for count, rest in enumerate(json.loads(child.stdout), 1):
        assert {"said": said[:count] + rest["said"], "stop": rest["stop"]} == whole, count

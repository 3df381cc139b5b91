"""The team that follows a graph."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from sandcrew.agents import (
    DiGraph,
    DiGraphBuilder,
    DiGraphEdge,
    DiGraphNode,
    GraphFlow,
    MaxMessageTermination,
    MessageFilterAgent,
    MessageFilterConfig,
    PerSourceFilter,
    RoundRobinGroupChat,
)
from sandcrew.agents.messages import TextMessage
from sandcrew.agents.runtime import CancellationToken
from sandcrew.executors import UsageError

from .crew import Speaker, Waits, said, speakers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandcrew.agents import ChatAgent, Team
    from sandcrew.agents.messages import BaseChatMessage
COMPLETE = "Digraph execution is complete"


def flow(builder: DiGraphBuilder, **options: Any) -> GraphFlow:
    return GraphFlow(builder.get_participants(), builder.build(), **options)


def nodes(*agents: ChatAgent | Team) -> DiGraphBuilder:
    builder = DiGraphBuilder()
    for agent in agents:
        builder.add_node(agent)
    return builder


async def test_a_line_is_followed_to_its_end_and_the_next_task_starts_anew() -> None:
    a, b, c = Speaker("a"), Speaker("b"), Speaker("c")
    team = flow(nodes(a, b, c).add_edge(a, b).add_edge(b, c))
    result = await team.run(task="go")
    assert said(result.messages) == ["go", "a1", "b1", "c1"]
    assert result.stop_reason == COMPLETE
    assert speakers((await team.run(task="again")).messages) == ["user", "a", "b", "c"]


async def test_the_end_of_the_graph_comes_before_other_ends_and_is_not_lost_by_them() -> None:
    a, b = Speaker("a"), Speaker("b")
    team = flow(
        nodes(a, b).add_edge(a, b), max_turns=2, termination_condition=MaxMessageTermination(3)
    )
    for _ in range(2):
        result = await team.run(task="go")
        assert speakers(result.messages) == ["user", "a", "b"]
        assert result.stop_reason == COMPLETE


async def test_branches_run_at_the_same_time_and_a_join_waits_for_all() -> None:
    a, b, c, d = Speaker("a"), Waits("b"), Waits("c"), Speaker("d")
    builder = nodes(a, b, c, d).add_edge(a, b).add_edge(a, c).add_edge(b, d).add_edge(c, d)
    running = asyncio.create_task(flow(builder).run(task="go"))
    async with asyncio.timeout(30):
        await b.waiting.wait()
        await c.waiting.wait()
        c.go.set()
        b.go.set()
        result = await running
    assert sorted(said(result.messages)[2:4]) == ["b1", "c1"]
    assert said(result.messages)[4:] == ["d1"]
    assert b.heard == c.heard == [["go", "a1"]], "branches do not hear each other"
    assert sorted(d.heard[0]) == ["a1", "b1", "c1", "go"]


@pytest.mark.parametrize("by_edge", [True, False], ids=["edge", "node"])
async def test_a_join_may_wait_for_any(by_edge: bool) -> None:
    a, b, c, d = Speaker("a"), Speaker("b"), Speaker("c", "no"), Speaker("d")
    builder = nodes(a, b, c).add_node(d, activation="all" if by_edge else "any")
    builder.add_edge(a, b).add_edge(b, c)
    condition: Any = "any" if by_edge else None
    builder.add_edge(a, d, activation_condition=condition)
    builder.add_edge(c, d, condition="yes", activation_condition=condition)
    result = await flow(builder).run(task="go")
    assert sorted(speakers(result.messages)) == ["a", "b", "c", "d", "user"]
    assert result.stop_reason == COMPLETE


async def test_the_activation_of_a_node_written_by_hand_counts() -> None:
    graph = DiGraph(
        nodes={
            "a": DiGraphNode(name="a", edges=[DiGraphEdge(target="b"), DiGraphEdge(target="c")]),
            "b": DiGraphNode(name="b", edges=[DiGraphEdge(target="d")]),
            "c": DiGraphNode(name="c", edges=[DiGraphEdge(target="e", condition="never")]),
            "e": DiGraphNode(name="e", edges=[DiGraphEdge(target="d")]),
            "d": DiGraphNode(name="d", activation="any"),
        }
    )
    graph = DiGraph.model_validate_json(graph.model_dump_json())
    members = [Speaker(name) for name in graph.nodes]
    result = await GraphFlow(members, graph).run(task="go")
    assert speakers(result.messages)[-1] == "d"


def is_long(message: BaseChatMessage) -> bool:
    return len(message.to_text()) > 5


def is_short(message: BaseChatMessage) -> bool:
    return not is_long(message)


@pytest.mark.parametrize(
    ("verdicts", "back", "out"),
    [
        (("REVISE", "REVISE it", "I APPROVE"), "REVISE", "APPROVE"),
        (("no", "no", "perfect"), is_short, is_long),
    ],
    ids=["text", "function"],
)
async def test_a_cycle_goes_round_until_a_condition_leads_out(
    verdicts: tuple[str, ...], back: Any, out: Any
) -> None:
    writer, reviewer, end = Speaker("writer"), Speaker("reviewer", *verdicts), Speaker("end")
    builder = nodes(writer, reviewer, end).set_entry_point(writer).add_edge(writer, reviewer)
    builder.add_edge(reviewer, writer, condition=back).add_edge(reviewer, end, condition=out)
    result = await flow(builder, max_turns=20).run(task="go")
    assert speakers(result.messages)[1:] == ["writer", "reviewer"] * 3 + ["end"]
    assert result.stop_reason == COMPLETE


async def test_groups_let_a_node_wait_for_one_thing_first_and_for_another_later() -> None:
    a, b = Speaker("a"), Speaker("b")
    c = Speaker("c", "loop", "exit")
    e = Speaker("e")
    builder = nodes(a, b, c, e)
    builder.add_edge(a, b, activation_group="first")
    builder.add_edge(b, c)
    builder.add_edge(c, b, condition="loop", activation_group="again")
    builder.add_edge(c, e, condition="exit")
    result = await flow(builder, max_turns=10).run(task="go")
    assert speakers(result.messages)[1:] == ["a", "b", "c", "b", "c", "e"]


async def test_a_graph_that_cannot_go_on_says_who_waits_for_whom() -> None:
    a, b, c, d = Speaker("a", "left"), Speaker("b"), Speaker("c"), Speaker("d")
    builder = nodes(a, b, c, d)
    builder.add_edge(a, b, condition="left").add_edge(a, c, condition="right")
    builder.add_edge(b, d).add_edge(c, d)
    result = await flow(builder).run(task="go")
    assert result.stop_reason == f"{COMPLETE}, but 'd' still waits for 'c'"


async def test_a_graph_in_which_no_edge_fits_says_so() -> None:
    a, b = Speaker("a", "left"), Speaker("b")
    result = await flow(nodes(a, b).add_edge(a, b, condition="right")).run(task="go")
    assert result.stop_reason == f"{COMPLETE}, but no edge of 'a' fits its message"


async def test_a_team_may_be_a_node() -> None:
    inner = RoundRobinGroupChat([Speaker("x"), Speaker("y")], name="inner", max_turns=2)
    a, b = Speaker("a"), Speaker("b")
    builder = nodes(a, inner, b).add_edge(a, inner).add_edge(inner, b, condition="y1")
    assert said((await flow(builder).run(task="go")).messages) == ["go", "a1", "x1", "y1", "b1"]


async def test_an_error_in_a_branch_is_raised_as_it_is_and_stops_the_others() -> None:
    class Broken(Speaker):
        async def on_messages(self, messages: Any, cancellation_token: CancellationToken) -> Any:
            await c.waiting.wait()
            raise LookupError("broken")

    a, b, c = Speaker("a"), Broken("b"), Waits("c")
    team = flow(nodes(a, b, c).add_edge(a, b).add_edge(a, c))
    async with asyncio.timeout(30):
        with pytest.raises(LookupError, match="broken"):
            await team.run(task="go")
        await c.gave_up.wait()


async def test_a_break_stops_all_branches_and_the_rest_is_done_later() -> None:
    a, b, c, d = Speaker("a"), Speaker("b"), Waits("c"), Speaker("d")
    builder = nodes(a, b, c, d).add_edge(a, b).add_edge(a, c).add_edge(b, d).add_edge(c, d)
    team = flow(builder)
    async with asyncio.timeout(30):
        async with aclosing(team.run_stream(task="go")) as items:
            async for item in items:
                if isinstance(item, TextMessage) and item.source == "b":
                    await c.waiting.wait()
                    break
        await c.gave_up.wait()
        state = json.loads(json.dumps(await team.save_state()))
        c.go.set()
        result = await team.run()
    assert said(result.messages) == ["c1", "d1"]

    others = [Speaker(name) for name in "abcd"]
    again = GraphFlow(others, builder.build())
    await again.load_state(state)
    assert said((await again.run()).messages) == ["c1", "d1"]
    assert others[2].heard == [["go", "a1"]], "what b said meanwhile c still does not hear"


@pytest.mark.parametrize("way", ["task", "token"])
async def test_all_branches_stop_when_the_run_is_cancelled(way: str) -> None:
    a, b, c = Speaker("a"), Waits("b"), Waits("c")
    team = flow(nodes(a, b, c).add_edge(a, b).add_edge(a, c))
    token = CancellationToken()
    running = asyncio.create_task(team.run(task="go", cancellation_token=token))
    async with asyncio.timeout(30):
        await b.waiting.wait()
        await c.waiting.wait()
        running.cancel() if way == "task" else token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await b.gave_up.wait()
        await c.gave_up.wait()


async def test_progress_between_two_nodes_is_saved_with_half_filled_joins() -> None:
    def make() -> GraphFlow:
        a, b, c, d = (Speaker(name) for name in "abcd")
        builder = nodes(a, b, c, d).add_edge(a, b).add_edge(a, d).add_edge(b, c).add_edge(c, d)
        return flow(builder, max_turns=2)

    first, second = make(), make()
    assert speakers((await first.run(task="go")).messages) == ["user", "a", "b"]
    await second.load_state(json.loads(json.dumps(await first.save_state())))
    result = await second.run()
    assert speakers(result.messages) == ["c", "d"]
    assert result.stop_reason == COMPLETE


async def test_reset_forgets_half_filled_joins() -> None:
    a, b, c, d = (Speaker(name) for name in "abcd")
    builder = nodes(a, b, c, d).add_edge(a, b).add_edge(a, d).add_edge(b, c).add_edge(c, d)
    team = flow(builder, max_turns=2)
    await team.run(task="go")
    await team.reset()
    assert speakers((await team.run(task="go")).messages) == ["user", "a", "b"]


async def test_a_filter_limits_what_a_node_hears() -> None:
    a, b, inner = Speaker("a"), Speaker("b"), Speaker("c")
    config = MessageFilterConfig(per_source=[PerSourceFilter(source="b", position="last", count=1)])
    c = MessageFilterAgent("c", inner, config)
    await flow(nodes(a, b, c).add_edge(a, b).add_edge(b, c)).run(task="go")
    assert inner.heard == [["b1"]]


def edge(target: str, condition: Any = None, **options: Any) -> DiGraphEdge:
    return DiGraphEdge(target=target, condition=condition, **options)


def graph(start: str | None = None, **edges: list[DiGraphEdge]) -> DiGraph:
    made = {name: DiGraphNode(name=name, edges=leaving) for name, leaving in edges.items()}
    return DiGraph(nodes=made, default_start_node=start)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: graph(), "no nodes"),
        (lambda: graph(a=[edge("b", "x")], b=[edge("a", "x")]), "start node"),
        (lambda: graph("a", a=[edge("b", "x")], b=[edge("a", "x")]), "leaf node"),
        (lambda: graph("z", a=[]), "start node 'z'"),
        (lambda: graph(a=[edge("z")]), "leads to 'z'"),
        (lambda: graph(a=[edge("b"), edge("c", "x")], b=[], c=[]), "mix of conditional"),
        (
            lambda: graph(s=[edge("a")], a=[edge("b")], b=[edge("a")], c=[]),
            "Cycle detected without exit condition: a -> b -> a|b -> a -> b",
        ),
        (lambda: graph("a", a=[edge("a")], b=[]), "Cycle detected"),
        (
            lambda: graph(
                a=[edge("c", activation_condition="any")],
                b=[edge("c", activation_condition="all")],
                c=[],
            ),
            "Conflicting activation conditions for target 'c'",
        ),
    ],
)
def test_a_graph_that_makes_no_sense_is_refused(made: Callable[[], DiGraph], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        made().graph_validate()


def test_a_cycle_needs_something_that_ends_the_run() -> None:
    a, b, c = Speaker("a"), Speaker("b"), Speaker("c")
    builder = nodes(a, b, c).set_entry_point(a).add_edge(a, b)
    builder.add_conditional_edges(b, {"again": a, "done": c})
    with pytest.raises(UsageError, match="termination condition is required"):
        flow(builder)


def test_nodes_must_be_there_before_their_edges_and_be_participants() -> None:
    a, b = Speaker("a"), Speaker("b")
    with pytest.raises(UsageError, match="Target node 'b' must be added"):
        nodes(a).add_edge(a, b)
    with pytest.raises(UsageError, match="Two nodes of the graph are called 'a'"):
        nodes(a, Speaker("a"))
    with pytest.raises(UsageError, match="'b' of the graph is not among the participants"):
        GraphFlow([a], nodes(a, b).add_edge(a, b).build())

"""What AutoGen 0.7.5's teams do wrong, and what happens here instead.

The list of defects, each seen there: 1 a break leaves the team running. 2 a cancelled task, and
wait_for, wait for all turns. 3 a token stops a team only after the step, and hangs in a tool. 4 a
workbench that raises hangs. 5 a runtime that was not started hangs. 6 errors lose their type.
7 the selector accepts strangers, ignores the token, fills its context twice on loading, and does
not count its usage. 8 Magentic-One does not ask again for a speaker, starts a second task with the
rounds of the first, fails without a task, tells the task anyway, ignores the token. 9 a graph's
state cannot be resumed. 10 a memory grows the prompt each turn. 11 a callback that looks at its
token deadlocks, and callbacks are never removed. 12 an input manager hangs with a single agent.
13 reset and state of agents drop or keep the wrong things.

The tests are named after the numbers, here and where the rest of their subject is.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandcrew.agents import (
    AssistantAgent,
    DiGraphBuilder,
    GraphFlow,
    GroupChat,
    MagenticOneGroupChat,
    MaxMessageTermination,
    RoundRobinGroupChat,
    SelectorGroupChat,
    SocietyOfMindAgent,
    Swarm,
    TerminationCondition,
    TextMentionTermination,
    TimeoutTermination,
)
from sandcrew.agents.messages import TextMessage
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.runtime import CancellationToken
from sandcrew.agents.tools import FunctionTool, StaticWorkbench
from sandcrew.agents.ui import Console, UserInputManager
from sandcrew.executors import UsageError

from .crew import Speaker, Waits, model, said, speakers
from .model_server import ModelServer, Says
from .test_magentic import DONE, PLANNED, ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandcrew.agents import BaseGroupChat, ChatAgent

    from .model_server import Step


def select(name: str) -> Callable[[Any], str]:
    return lambda _: name


def round_robin_of(member: ChatAgent, **options: Any) -> RoundRobinGroupChat:
    return RoundRobinGroupChat([member], **options)


def swarm_of(member: ChatAgent, **options: Any) -> Swarm:
    return Swarm([member], **options)


def graph_of(member: ChatAgent, **options: Any) -> GraphFlow:
    return GraphFlow([member], DiGraphBuilder().add_node(member).build(), **options)


def selector_of(member: ChatAgent, **options: Any) -> SelectorGroupChat:
    choose = select(member.name)
    return SelectorGroupChat([member, Speaker("other")], model(), selector_func=choose, **options)


def magentic_of(member: ChatAgent, **options: Any) -> MagenticOneGroupChat:
    client = model(*PLANNED, *[ledger(member.name)] * 5)
    return MagenticOneGroupChat([member], client, **options)


def broadcast_of(member: ChatAgent, **options: Any) -> GroupChat:
    return GroupChat([member, Speaker("other")], routing="broadcast", **options)


def society_of(member: ChatAgent, **options: Any) -> RoundRobinGroupChat:
    society = SocietyOfMindAgent("society", RoundRobinGroupChat([member]), model())
    return RoundRobinGroupChat([society], **options)


KINDS: dict[str, Callable[..., BaseGroupChat]] = {
    "round_robin": round_robin_of,
    "selector": selector_of,
    "swarm": swarm_of,
    "magentic": magentic_of,
    "graph": graph_of,
    "broadcast": broadcast_of,
    "society": society_of,
}


class HalfASecondEach(TerminationCondition):
    """Has every step interrupted that takes longer."""

    @property
    def terminated(self) -> bool:
        return False

    def seconds_left(self) -> float:
        return 0.5

    async def __call__(self, messages: object) -> None:
        return None

    async def reset(self) -> None: ...


every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@pytest.mark.parametrize("way", ["task", "token"])
async def test_2_and_3_every_kind_of_team_stops_at_once(kind: str, way: str) -> None:
    member = Waits("member")
    token = CancellationToken()
    running = asyncio.create_task(KINDS[kind](member).run(task="go", cancellation_token=token))
    async with asyncio.timeout(30):
        await member.waiting.wait()
        running.cancel() if way == "task" else token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await member.gave_up.wait()


@every_kind
async def test_a_time_limit_interrupts_a_turn_which_is_taken_again_later(kind: str) -> None:
    member = Waits("member")
    team = KINDS[kind](member, termination_condition=HalfASecondEach())
    async with asyncio.timeout(30):
        assert (await team.run(task="go")).stop_reason == "The time is over."
        await member.gave_up.wait()
        member.go.set()
        async with aclosing(team.run_stream()) as items:
            async for item in items:
                if isinstance(item, TextMessage) and item.source == "member":
                    break
    assert len(member.heard) == 1
    assert "go" in member.heard[0][0]


@every_kind
async def test_1_after_a_break_nothing_goes_on_in_any_kind_of_team(kind: str) -> None:
    member = Speaker("member")
    team = KINDS[kind](member)
    async for item in team.run_stream(task="go"):
        if isinstance(item, TextMessage) and item.source == "member":
            break
    turns = member.turns
    for _ in range(50):
        await asyncio.sleep(0)
    assert (turns, member.turns) == (1, 1)


@every_kind
async def test_6_errors_of_members_keep_their_type_in_every_kind_of_team(kind: str) -> None:
    class Broken(Speaker):
        async def on_messages(self, messages: Any, cancellation_token: Any) -> Any:
            raise LookupError("here")

    with pytest.raises(LookupError, match="here") as caught:
        await KINDS[kind](Broken("member")).run(task="go")
    assert caught.traceback[-1].name == "on_messages"


async def test_3_a_token_stops_a_tool_that_knows_nothing_of_tokens() -> None:
    started, gave_up = asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        """Wait."""
        started.set()
        try:
            return await asyncio.Future[str]()
        finally:
            gave_up.set()

    async with ModelServer([Says("", tool_calls=(("c1", "slow", "{}"),))]) as server:
        client = OpenAIChatCompletionClient(model="gpt-4o", base_url=server.url, api_key="k")
        team = RoundRobinGroupChat([AssistantAgent("a", client, tools=[slow])])
        token = CancellationToken()
        running = asyncio.create_task(team.run(task="go", cancellation_token=token))
        async with asyncio.timeout(30):
            await started.wait()
            token.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            await gave_up.wait()


@pytest.mark.parametrize("in_team", [False, True])
async def test_4_a_workbench_that_raises_is_an_error_the_model_reads(in_team: bool) -> None:
    class Broken(StaticWorkbench):
        async def call_tool(self, *args: Any, **kwargs: Any) -> Any:
            raise ConnectionError("the workbench is gone")

    def tool() -> str:
        """Do it."""
        return ""

    script: list[Step | str] = [Says("", tool_calls=(("c1", "tool", "{}"),)), "I see."]
    async with ModelServer(script) as server, asyncio.timeout(30):
        client = OpenAIChatCompletionClient(model="gpt-4o", base_url=server.url, api_key="k")
        bench = Broken([FunctionTool(tool, "Do it.")])
        agent = AssistantAgent("a", client, workbench=bench, reflect_on_tool_use=True)
        runner = RoundRobinGroupChat([agent], max_turns=1) if in_team else agent
        result = await runner.run(task="go")
    assert result.messages[-1].to_text() == "I see."
    told = server.requests[1]["messages"][-1]["content"]
    assert told == "Error: ConnectionError: the workbench is gone"


def test_5_a_runtime_that_would_have_to_be_started_is_refused() -> None:
    runtime: Any = object()
    for kind in (RoundRobinGroupChat, Swarm):
        with pytest.raises(UsageError, match="without a runtime"):
            kind([Speaker("a")], runtime=runtime)


async def test_7_and_8_choosers_never_accept_a_stranger_and_count_their_usage() -> None:
    selector = SelectorGroupChat(
        [Speaker("a"), Speaker("b"), Speaker("c")],
        model("c", "b"),
        candidate_func=lambda _: ["a", "b"],
        max_turns=1,
    )
    result = await selector.run(task="go")
    assert (speakers(result.messages)[-1], result.usage.prompt_tokens) == ("b", 20)
    magentic = MagenticOneGroupChat([Speaker("a")], model(*PLANNED, ledger("z"), *DONE))
    result = await magentic.run(task="go")
    assert (said(result.messages)[-1], result.usage.prompt_tokens) == ("the answer", 50)


async def test_9_a_graph_goes_on_from_its_state_and_is_whole_again_after_a_reset() -> None:
    def flow() -> GraphFlow:
        builder = DiGraphBuilder()
        a, b, c = Speaker("a"), Speaker("b", "again", "again", "done"), Speaker("c")
        builder.add_node(a).add_node(b).add_node(c).set_entry_point(a)
        builder.add_edge(a, b, activation_group="first", activation_condition="any")
        builder.add_edge(b, b, condition="again", activation_group="loop")
        builder.add_edge(b, c, condition="done")
        return GraphFlow(builder.get_participants(), builder.build(), max_turns=9)

    first, second = flow(), flow()
    async with aclosing(first.run_stream(task="go")) as items:
        async for item in items:
            if isinstance(item, TextMessage) and item.source == "b":
                break
    await second.load_state(json.loads(json.dumps(await first.save_state())))
    assert said((await second.run()).messages) == ["again", "done", "c1"]
    await first.reset()
    assert speakers((await first.run(task="go")).messages)[:3] == ["user", "a", "b"]


def test_11_a_callback_may_look_at_its_token() -> None:
    token, seen = CancellationToken(), list[bool]()
    token.add_callback(lambda: seen.append(token.is_cancelled()))
    token.cancel()
    assert seen == [True]


async def test_12_an_input_manager_works_with_a_single_agent() -> None:
    from sandcrew.agents import UserProxyAgent

    manager = UserInputManager(lambda prompt: "yes")
    person = UserProxyAgent("person", input_func=manager.get_wrapped_callback())
    async with asyncio.timeout(30):
        result = await Console(person.run_stream(task="Well?"), user_input_manager=manager)
    assert result.messages[-1].to_text() == "yes"


async def test_the_task_does_not_trigger_a_mention_and_time_counts_from_the_run() -> None:
    timeout = TimeoutTermination(3600)
    team = RoundRobinGroupChat(
        [Speaker("a", "no", "STOP")],
        termination_condition=TextMentionTermination("STOP") | timeout | MaxMessageTermination(9),
    )
    result = await team.run(task="Say STOP when you are done.")
    assert said(result.messages)[1:] == ["no", "STOP"]


def test_every_defect_has_a_test_that_has_its_number() -> None:
    names = re.findall(
        r"def test_(\d+(?:_and_\d+)*)_",
        "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py")),
    )
    numbers = {int(number) for name in names for number in name.split("_and_")}
    assert numbers == {*range(1, 14), 500}


async def test_500_teams_of_all_kinds_run_at_once() -> None:
    def team(number: int) -> BaseGroupChat:
        a, b = Speaker("a"), Speaker("b")
        builder = DiGraphBuilder().add_node(a).add_node(b).add_edge(a, b)
        return (
            RoundRobinGroupChat([a, b], max_turns=2),
            SelectorGroupChat([a, b], model("a", "b"), max_turns=2),
            GraphFlow(builder.get_participants(), builder.build()),
            GroupChat([a, b], routing="broadcast", max_turns=1),
        )[number % 4]

    results = await asyncio.gather(*(team(number).run(task="go") for number in range(500)))
    assert {len(said(result.messages)) for result in results} == {3}

"""Teams: turns, ends, errors, bad input, and going on."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from sandcrew.agents import (
    AssistantAgent,
    BaseChatAgent,
    ChatAgent,
    MaxMessageTermination,
    Response,
    RoundRobinGroupChat,
    SocietyOfMindAgent,
    StopMessageTermination,
    TaskResult,
    Team,
    TerminationCondition,
    TextMentionTermination,
)
from sandcrew.agents.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    SelectSpeakerEvent,
    StopMessage,
    TextMessage,
    ThoughtEvent,
)
from sandcrew.agents.models import CreateResult, ReplayChatCompletionClient, RequestUsage
from sandcrew.agents.runtime import CancellationToken
from sandcrew.executors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence


class Echo(BaseChatAgent):
    """Says what it heard, and remembers how often it spoke."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "An echo.")
        self.heard: list[list[str]] = []
        self.paused = False

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        self.heard.append([message.to_text() for message in messages])
        answer = TextMessage(content=f"{self.name}{len(self.heard)}", source=self.name)
        thought = ThoughtEvent(content="hm", source=self.name)
        return Response(chat_message=answer, inner_messages=[thought])

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        self.heard.clear()

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        self.paused = True

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        self.paused = False


def texts(messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> list[str]:
    return [message.to_text() for message in messages if isinstance(message, BaseChatMessage)]


def team_of(*participants: ChatAgent | Team, **options: Any) -> RoundRobinGroupChat:
    return RoundRobinGroupChat(participants, **options)


async def test_each_hears_what_the_others_said_since() -> None:
    a, b = Echo("a"), Echo("b")
    result = await team_of(a, b, max_turns=4).run(task="go")
    assert texts(result.messages) == ["go", "a1", "b1", "a2", "b2"]
    assert a.heard == [["go"], ["b1"]]
    assert b.heard == [["go", "a1"], ["a2"]]
    assert result.stop_reason == "Maximum number of turns 4 reached."


async def test_events_are_in_the_result_as_in_the_stream() -> None:
    items = [item async for item in team_of(Echo("a"), max_turns=1).run_stream(task="go")]
    result = items[-1]
    assert isinstance(result, TaskResult)
    assert list(result.messages) == items[:-1]
    assert [type(item).__name__ for item in items[:-1]] == [
        "TextMessage", "ThoughtEvent", "TextMessage"
    ]  # fmt: skip


async def test_usage_is_that_of_every_call_of_the_run_and_of_no_other() -> None:
    def answer(prompt: int, completion: int) -> CreateResult:
        usage = RequestUsage(prompt, completion)
        return CreateResult(finish_reason="stop", content="x", usage=usage, cached=False)

    model = ReplayChatCompletionClient([answer(1, 2), answer(10, 20), answer(100, 200)])
    team = team_of(AssistantAgent("a", model), AssistantAgent("b", model), max_turns=2)
    task = TextMessage(content="x", source="user", models_usage=RequestUsage(1000, 1000))
    assert (await team.run(task=task)).usage == RequestUsage(11, 22)
    team = team_of(AssistantAgent("a", model), max_turns=1)
    assert (await team.run(task="x")).usage == RequestUsage(100, 200)


async def test_a_run_without_a_task_goes_on() -> None:
    a = Echo("a")
    team = team_of(a, Echo("b"), max_turns=1)
    await team.run(task="go")
    result = await team.run()
    assert texts(result.messages) == ["b1"]
    result = await team.run(task="more", output_task_messages=False)
    assert texts(result.messages) == ["a2"]
    assert a.heard[-1] == ["b1", "more"]


async def test_conditions_start_anew_for_each_run() -> None:
    team = team_of(Echo("a"), termination_condition=MaxMessageTermination(2))
    assert texts((await team.run(task="go")).messages) == ["go", "a1"]
    assert texts((await team.run(task="go")).messages) == ["go", "a2"]


async def test_a_new_task_after_a_break_starts_the_count_anew() -> None:
    team = team_of(Echo("a"), termination_condition=MaxMessageTermination(3))
    async for item in team.run_stream(task="go"):
        if isinstance(item, ThoughtEvent):
            break
    assert texts((await team.run(task="again")).messages) == ["again", "a2", "a3"]


async def test_a_break_at_the_last_answer_ends_that_run() -> None:
    team = team_of(Echo("a"), termination_condition=MaxMessageTermination(2))
    async for item in team.run_stream(task="go"):
        if isinstance(item, TextMessage) and item.source == "a":
            break
    result = await team.run()
    assert texts(result.messages) == ["a2", "a3"]


async def test_reset_forgets_everything() -> None:
    a, b = Echo("a"), Echo("b")
    team = team_of(a, b, max_turns=1)
    await team.run(task="go")
    await team.reset()
    assert texts((await team.run(task="go")).messages) == ["go", "a1"]
    assert b.heard == []


async def test_pause_and_resume_are_told_to_all() -> None:
    a, b = Echo("a"), Echo("b")
    team = team_of(a, team_of(b))
    await team.pause()
    assert a.paused
    assert b.paused
    await team.resume()
    assert [a.paused, b.paused] == [False, False]


async def test_a_team_in_a_team_takes_a_turn() -> None:
    a, b, c = Echo("a"), Echo("b"), Echo("c")
    inner = team_of(b, c, name="inner", max_turns=2)
    outer = team_of(a, inner, max_turns=4)
    result = await outer.run(task="go")
    assert texts(result.messages) == ["go", "a1", "b1", "c1", "a2", "b2", "c2"]
    assert a.heard == [["go"], ["b1", "c1"]]
    assert b.heard == [["go", "a1"], ["c1", "a2"]]


async def test_a_team_in_a_team_goes_on_after_a_break() -> None:
    a, b, c = Echo("a"), Echo("b"), Echo("c")
    outer = team_of(a, team_of(b, c, name="inner", max_turns=2), max_turns=4)
    async for item in outer.run_stream(task="go"):
        if isinstance(item, TextMessage) and item.source == "b":
            break
    result = await outer.run()
    assert texts(result.messages) == ["c1", "a2", "b2", "c2"]
    assert b.heard[0] == ["go", "a1"]


async def test_the_speakers_are_told_if_wanted() -> None:
    team = team_of(Echo("a"), Echo("b"), max_turns=2, emit_team_events=True)
    result = await team.run(task="go")
    speakers = [m.content for m in result.messages if isinstance(m, SelectSpeakerEvent)]
    assert speakers == [["a"], ["b"]]


async def test_a_stop_message_as_the_task_ends_the_run_at_once() -> None:
    team = team_of(Echo("a"), termination_condition=StopMessageTermination())
    result = await team.run(task=StopMessage(content="stop", source="user"))
    assert texts(result.messages) == ["stop"]
    assert result.stop_reason == "Stop message received"


class Broken(Echo):
    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        raise LookupError(self.name)


async def test_errors_of_agents_arrive_as_they_were_raised() -> None:
    team = team_of(team_of(Broken("broken"), name="inner"))
    with pytest.raises(LookupError, match="broken") as caught:
        await team.run(task="go")
    assert caught.traceback[-1].name == "on_messages"
    with pytest.raises(LookupError):
        await team.run(task="go")


class Silent(Echo):
    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        yield ThoughtEvent(content="…", source=self.name)


async def test_an_agent_that_never_answers_is_an_error_that_names_it() -> None:
    with pytest.raises(UsageError, match="'silent' ended its turn without a Response"):
        await team_of(Silent("silent")).run(task="go")


@pytest.mark.parametrize(
    ("participants", "message"),
    [
        ([], "no participants"),
        ([Echo("a"), Echo("a")], "called 'a'"),
        (["a"], "str is neither"),
    ],
)
def test_a_team_that_makes_no_sense_is_refused(participants: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        RoundRobinGroupChat(participants)


def test_a_name_no_model_can_say_is_refused() -> None:
    with pytest.raises(UsageError, match="identifier"):
        Echo("the coder")


@pytest.mark.parametrize("task", [[], (), "", "  \n", ["text"]])
async def test_an_empty_or_impossible_task_is_refused(task: Any) -> None:
    with pytest.raises(UsageError, match="task"):
        await team_of(Echo("a")).run(task=task)
    with pytest.raises(UsageError, match="task"):
        await Echo("a").run(task=task)


@pytest.mark.parametrize("kind", [list, tuple])
async def test_a_task_may_be_any_sequence_of_messages(kind: Any) -> None:
    task = kind([TextMessage(content="one", source="x"), TextMessage(content="two", source="y")])
    a = Echo("a")
    await team_of(a, max_turns=1).run(task=task)
    assert a.heard == [["one", "two"]]


async def test_a_second_run_at_once_is_refused_and_the_first_goes_on() -> None:
    team = team_of(Echo("a"), max_turns=2)
    async with aclosing(team.run_stream(task="go")) as items:
        await anext(items)
        with pytest.raises(UsageError, match="already running"):
            await team.run(task="go")
        with pytest.raises(UsageError, match="already running"):
            await team.reset()
        with pytest.raises(UsageError, match="already running"):
            await team.load_state({})
        rest = [item async for item in items]
    assert isinstance(rest[-1], TaskResult)


async def test_many_teams_run_at_once() -> None:
    teams = [team_of(Echo("a"), Echo("b"), max_turns=20) for _ in range(100)]
    results = await asyncio.gather(*(team.run(task="go") for team in teams))
    assert {len(texts(result.messages)) for result in results} == {21}


def new_team() -> RoundRobinGroupChat:
    model = ReplayChatCompletionClient([f"answer {i}" for i in range(5)])
    return team_of(
        AssistantAgent("a", model),
        team_of(AssistantAgent("b", model), name="inner", max_turns=1),
        termination_condition=MaxMessageTermination(4) & TextMentionTermination("answer"),
    )


async def test_a_saved_run_goes_on_in_another_team() -> None:
    first, second = new_team(), new_team()
    async with aclosing(first.run_stream(task="go")) as items:
        async for item in items:
            if isinstance(item, TextMessage) and item.source == "a":
                break
        state = json.loads(json.dumps(await first.save_state()))
    await second.load_state(state)
    result = await second.run()
    assert [(m.source, m.to_text()) for m in result.messages] == [
        ("b", "answer 0"),
        ("a", "answer 1"),
    ], "the next speaker and the two messages counted before are remembered"


CHANGES: list[dict[str, Any]] = [
    {"version": "9.0.0"},
    {"type": "SomethingElse"},
    {"heard": {"stranger": 0}},
    {"heard": {"a": 99, "b": 0}},
    {"aloud": [[99, "a"]]},
    {"aloud": [[-1, "a"]]},
    {"checked": 99},
    {"untold": [99]},
    {"due": ["stranger"]},
    {"agent_states": {}},
    {"agent_states": {"a": {}, "b": {"version": "9.0.0"}}},
    {"speaker": {}},
    {"speaker": {"next": ["a"]}},
    {"termination": {"conditions": []}},
    {"termination": {"conditions": [{"count": []}, {}]}},
    {"termination": {"conditions": [{"count": "many"}, {}]}},
    {"message_thread": [{"type": "TextMessage"}]},
]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_state_of_something_else_is_refused_and_changes_nothing(
    change: dict[str, Any],
) -> None:
    saved, team = new_team(), new_team()
    await saved.run(task="something else")
    await team.run(task="go")
    before = json.dumps(await team.save_state())
    with pytest.raises(UsageError):
        await team.load_state({**await saved.save_state(), **change})
    assert json.dumps(await team.save_state()) == before


class Secret(TextMessage):
    type: Any = "Secret"


async def test_messages_that_no_member_makes_need_to_be_named_to_be_loaded() -> None:
    task = Secret(content="psst", source="user")
    team = team_of(Echo("a"), max_turns=1)
    await team.run(task=task)
    state = await team.save_state()
    with pytest.raises(UsageError, match="custom_message_types"):
        await team_of(Echo("a")).load_state(state)
    knowing = team_of(Echo("a"), custom_message_types=[Secret])
    await knowing.load_state(state)
    assert (await knowing.save_state())["message_thread"] == state["message_thread"]


class Mood(BaseModel):
    mood: str


@pytest.mark.parametrize("where", ["in the team", "in a team inside", "behind an agent"])
async def test_messages_that_a_member_makes_need_not_be_named(where: str) -> None:
    def team() -> RoundRobinGroupChat:
        model = ReplayChatCompletionClient(['{"mood": "happy"}', "They are happy."])
        reader = AssistantAgent("reader", model, output_content_type=Mood)
        if where == "in the team":
            return team_of(reader, max_turns=1)
        inner = RoundRobinGroupChat([reader], max_turns=1)
        if where == "in a team inside":
            return RoundRobinGroupChat([inner], max_turns=1)
        return team_of(SocietyOfMindAgent("society", inner, model), max_turns=1)

    told, asked = team(), team()
    await told.run(task="How is it?")
    state = json.loads(json.dumps(await told.save_state()))
    await asked.load_state(state)
    assert (await asked.save_state())["message_thread"] == state["message_thread"]
    assert "StructuredMessage[Mood]" in str(state)


class Never(TerminationCondition):
    """A condition of the user's, with only what AutoGen asks for."""

    @property
    def terminated(self) -> bool:
        return False

    async def __call__(self, messages: Any) -> StopMessage | None:
        return None

    async def reset(self) -> None: ...


async def test_a_condition_of_ones_own_needs_nothing_new() -> None:
    team = team_of(Echo("a"), termination_condition=Never() | MaxMessageTermination(3))
    assert len(texts((await team.run(task="go")).messages)) == 3
    await team.load_state(await team.save_state())

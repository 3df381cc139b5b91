"""The team whose speaker a model or a function selects."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from sandcrew.agents import (
    MaxMessageTermination,
    RoundRobinGroupChat,
    SelectorGroupChat,
    TokenUsageTermination,
)
from sandcrew.agents.messages import ModelClientStreamingChunkEvent, SelectorEvent
from sandcrew.agents.model_context import (
    BufferedChatCompletionContext,
    SummarizingChatCompletionContext,
    UnboundedChatCompletionContext,
)
from sandcrew.agents.models import OpenAIChatCompletionClient, RequestUsage
from sandcrew.agents.runtime import CancellationToken
from sandcrew.executors import UsageError

from .crew import Speaker, model, said, speakers
from .model_server import Hangs, ModelServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandcrew.agents.messages import BaseAgentEvent, BaseChatMessage


def trio() -> list[Speaker]:
    return [Speaker("planner"), Speaker("coder"), Speaker("code_reviewer")]


async def test_the_model_selects_who_speaks() -> None:
    team = SelectorGroupChat(trio(), model("coder", "planner", "coder"), max_turns=3)
    result = await team.run(task="go")
    assert speakers(result.messages) == ["user", "coder", "planner", "coder"]


async def test_every_choice_is_told_with_its_usage_which_is_summed() -> None:
    team = SelectorGroupChat(trio(), model("coder", "planner"), max_turns=2)
    result = await team.run(task="go")
    choices = [m.content for m in result.messages if isinstance(m, SelectorEvent)]
    assert choices == ["coder", "planner"]
    assert result.usage == RequestUsage(20, 2)


async def test_a_limit_of_tokens_counts_those_of_the_selection() -> None:
    team = SelectorGroupChat(
        trio(),
        model("coder", "planner", "coder"),
        termination_condition=TokenUsageTermination(max_total_token=20),
    )
    result = await team.run(task="go")
    assert speakers(result.messages) == ["user", "coder", "planner"]


@pytest.mark.parametrize(
    "answer",
    [
        "code_reviewer",
        "The code reviewer.",
        "**code\\_reviewer**",
        "Code_Reviewer",
        " code_reviewer\n",
    ],
)
async def test_a_name_is_found_however_models_write_it(answer: str) -> None:
    result = await SelectorGroupChat(trio(), model(answer), max_turns=1).run(task="go")
    assert speakers(result.messages)[-1] == "code_reviewer"


async def test_a_short_name_in_a_long_one_does_not_count() -> None:
    members = [Speaker("code"), Speaker("code_reviewer")]
    result = await SelectorGroupChat(members, model("code reviewer"), max_turns=1).run(task="go")
    assert speakers(result.messages)[-1] == "code_reviewer"


async def test_a_model_that_names_two_or_none_is_told_so_and_asked_again() -> None:
    client = model("coder or planner", "nobody", "planner")
    result = await SelectorGroupChat(trio(), client, max_turns=1).run(task="go")
    assert speakers(result.messages)[-1] == "planner"
    asked = [call["messages"][-1].content for call in client.create_calls]
    assert "You named coder, planner" in asked[1]
    assert "none of the roles" in asked[2]
    assert result.usage == RequestUsage(30, 3)


async def test_nonsense_ends_the_run_with_a_reason_that_quotes_it() -> None:
    client = model("I am a teapot", "I am a teapot", "I am a teapot", "coder")
    team = SelectorGroupChat(trio(), client)
    result = await team.run(task="go")
    assert speakers(result.messages) == ["user"]
    assert result.stop_reason == (
        "The model selected nobody in 3 attempts; it answered 'I am a teapot'."
    )
    assert result.usage == RequestUsage(30, 3)


async def test_the_last_speaker_is_no_candidate_unless_allowed() -> None:
    client = model("coder", "coder", "planner")
    result = await SelectorGroupChat(trio(), client, max_turns=2).run(task="go")
    assert speakers(result.messages) == ["user", "coder", "planner"]
    again = SelectorGroupChat(
        trio(), model("coder", "coder"), max_turns=2, allow_repeated_speaker=True
    )
    assert speakers((await again.run(task="go")).messages) == ["user", "coder", "coder"]


async def test_with_two_members_there_is_nothing_to_ask_after_the_first() -> None:
    client = model("a")
    team = SelectorGroupChat([Speaker("a"), Speaker("b")], client, max_turns=3)
    assert speakers((await team.run(task="go")).messages) == ["user", "a", "b", "a"]
    assert len(client.create_calls) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_function_selects_before_the_model_is_asked(kind: str) -> None:
    seen: list[int] = []

    def select(thread: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        seen.append(len(thread))
        return "planner" if thread[-1].source == "user" else None

    async def select_async(thread: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        await asyncio.sleep(0)
        return select(thread)

    function: Any = select if kind == "sync" else select_async
    client = model("coder")
    team = SelectorGroupChat(trio(), client, selector_func=function, max_turns=2)
    result = await team.run(task="go")
    assert speakers(result.messages) == ["user", "planner", "coder"]
    assert seen == [1, 2]
    assert len(client.create_calls) == 1


async def test_a_function_that_names_a_stranger_is_an_error_that_says_so() -> None:
    team = SelectorGroupChat(trio(), model(), selector_func=lambda _: "boss")
    with pytest.raises(UsageError, match="'boss', who is not in the team"):
        await team.run(task="go")


async def test_a_name_outside_the_candidates_is_never_accepted() -> None:
    client = model("code_reviewer", "code_reviewer", "code_reviewer")
    team = SelectorGroupChat(trio(), client, candidate_func=lambda _: ["planner", "coder"])
    result = await team.run(task="go")
    assert speakers(result.messages) == ["user"]
    assert result.stop_reason is not None
    assert "selected nobody" in result.stop_reason


async def test_candidates_may_come_from_an_async_function() -> None:
    async def candidates(thread: object) -> list[str]:
        await asyncio.sleep(0)
        return ["coder"]

    team = SelectorGroupChat(trio(), model(), candidate_func=candidates, max_turns=1)
    assert speakers((await team.run(task="go")).messages) == ["user", "coder"]


async def test_a_function_that_leaves_no_candidate_ends_the_run() -> None:
    team = SelectorGroupChat(trio(), model(), candidate_func=lambda _: [])
    assert (await team.run(task="go")).stop_reason == "No member of the team may speak next."


async def test_a_candidate_that_is_a_stranger_is_an_error() -> None:
    team = SelectorGroupChat(trio(), model(), candidate_func=lambda _: ["coder", "boss"])
    with pytest.raises(UsageError, match="'boss'"):
        await team.run(task="go")


async def test_the_prompt_is_filled_in_and_other_braces_stay() -> None:
    client = model("coder")
    prompt = 'Of {participants}, in JSON {"x": 1}:\n{roles}\n{history}'
    team = SelectorGroupChat(trio(), client, selector_prompt=prompt, max_turns=1)
    await team.run(task="Write {code}")
    text = client.create_calls[0]["messages"][0].content
    assert text.startswith("Of ['planner', 'coder', 'code_reviewer'], in JSON {\"x\": 1}:")
    assert "coder: Speaks as coder." in text
    assert text.endswith('\n{"source": "user", "content": "Write {code}"}')


async def test_the_pieces_of_a_streamed_choice_are_told_if_wanted() -> None:
    team = SelectorGroupChat(
        trio(),
        model("the coder"),
        max_turns=1,
        model_client_streaming=True,
        emit_team_events=True,
    )
    items = [item async for item in team.run_stream(task="go")]
    pieces = [item for item in items if isinstance(item, ModelClientStreamingChunkEvent)]
    assert [piece.content for piece in pieces] == ["the ", "coder"]
    whole = next(item for item in items if isinstance(item, SelectorEvent))
    assert {piece.full_message_id for piece in pieces} == {whole.id}


async def test_a_context_limits_what_the_selecting_model_is_shown() -> None:
    client = model("coder", "planner", "coder")
    team = SelectorGroupChat(
        trio(), client, max_turns=3, model_context=BufferedChatCompletionContext(1)
    )
    await team.run(task="go")
    shown = client.create_calls[2]["messages"][0].content
    assert '{"source": "planner", "content": "planner1"}' in shown
    assert "coder1" not in shown


async def test_what_the_context_of_the_selection_uses_is_counted() -> None:
    context = SummarizingChatCompletionContext(model("short"), max_messages=2, keep_last=1)
    team = SelectorGroupChat(
        [Speaker("a"), Speaker("b"), Speaker("c")],
        chooser := model("a", "b", "c"),
        max_turns=3,
        model_context=context,
    )
    result = await team.run(task="go")
    assert chooser.total_usage().prompt_tokens == 30
    assert result.usage.prompt_tokens == 40


async def test_7_loading_a_state_does_not_fill_the_context_twice() -> None:
    context = UnboundedChatCompletionContext()
    team = SelectorGroupChat(
        trio(), model(*["coder", "planner"] * 2), max_turns=2, model_context=context
    )
    await team.run(task="go")
    state = json.loads(json.dumps(await team.save_state()))
    await team.load_state(state)
    await team.load_state(state)
    await team.run()
    assert [m.content for m in await context.get_messages()] == [
        "go",
        "coder1",
        "planner1",
        "coder2",
    ]


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
async def test_7_the_selection_stops_when_the_token_is_cancelled(streaming: bool) -> None:
    async with ModelServer([Hangs("cod"), "coder"]) as server, asyncio.timeout(30):
        client = OpenAIChatCompletionClient(model="gpt-4o", base_url=server.url, api_key="k")
        members = trio()
        team = SelectorGroupChat(members, client, max_turns=1, model_client_streaming=streaming)
        token = CancellationToken()
        running = asyncio.create_task(team.run(task="go", cancellation_token=token))
        await server.hanging.wait()
        token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await server.left.wait()
        assert speakers((await team.run()).messages) == ["coder"]
        assert members[1].heard == [["go"]]


async def test_who_was_selected_speaks_after_a_break_without_being_selected_again() -> None:
    team = SelectorGroupChat(trio(), model("coder"), max_turns=1)
    async with aclosing(team.run_stream(task="go")) as items:
        async for item in items:
            if isinstance(item, SelectorEvent):
                break
    state = json.loads(json.dumps(await team.save_state()))
    client = model()
    other = SelectorGroupChat(trio(), client, max_turns=1)
    await other.load_state(state)
    assert speakers((await other.run()).messages) == ["coder"]
    assert client.create_calls == []


async def test_a_new_task_after_a_break_is_given_to_whom_the_model_then_selects() -> None:
    team = SelectorGroupChat(trio(), model("coder", "planner"), max_turns=1)
    async with aclosing(team.run_stream(task="go")) as items:
        async for item in items:
            if isinstance(item, SelectorEvent):
                break
    result = await team.run(task="something else")
    assert speakers(result.messages) == ["user", "planner"]


async def test_a_team_can_be_selected() -> None:
    inner = RoundRobinGroupChat(
        [Speaker("x"), Speaker("y")], name="inner", description="Two.", max_turns=2
    )
    client = model("inner")
    team = SelectorGroupChat(
        [Speaker("a"), inner], client, termination_condition=MaxMessageTermination(4)
    )
    result = await team.run(task="go")
    assert said(result.messages) == ["go", "x1", "y1", "a1"]
    assert "inner: Two." in client.create_calls[0]["messages"][0].content


async def test_one_member_is_too_few() -> None:
    with pytest.raises(UsageError, match="At least two"):
        SelectorGroupChat([Speaker("a")], model())

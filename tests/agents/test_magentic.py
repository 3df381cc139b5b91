"""The team led by an orchestrator."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sandcrew.agents import MagenticOneGroupChat, MaxMessageTermination, RoundRobinGroupChat
from sandcrew.agents.messages import SelectorEvent, TextMessage
from sandcrew.agents.models import OpenAIChatCompletionClient, RequestUsage
from sandcrew.agents.runtime import CancellationToken
from sandcrew.executors import UsageError

from .crew import Speaker, model, said, speakers
from .model_server import Hangs, ModelServer

ORCHESTRATOR = "MagenticOneOrchestrator"


def ledger(
    speaker: str = "a", *, done: bool = False, loop: bool = False, progress: bool = True
) -> str:
    def part(answer: bool | str) -> dict[str, Any]:
        return {"reason": "because", "answer": answer}

    return json.dumps(
        {
            "is_request_satisfied": part(done),
            "is_in_loop": part(loop),
            "is_progress_being_made": part(progress),
            "next_speaker": part(speaker),
            "instruction_or_question": part(f"Your turn, {speaker}."),
        }
    )


PLANNED = ("the facts", "the plan")
DONE = (ledger(done=True), "the answer")


def pair() -> list[Speaker]:
    return [Speaker("a"), Speaker("b")]


async def test_it_plans_instructs_judges_and_answers() -> None:
    client = model(*PLANNED, ledger("a"), ledger("b"), *DONE)
    members = pair()
    result = await MagenticOneGroupChat(members, client).run(task="Do it")
    assert speakers(result.messages) == [
        "user", ORCHESTRATOR, ORCHESTRATOR, "a", ORCHESTRATOR, "b", ORCHESTRATOR
    ]  # fmt: skip
    announced = said(result.messages)[1]
    for part in ("Do it", "a: Speaks as a.", "the facts", "the plan"):
        assert part in announced
    assert members[0].heard == [[announced, "Your turn, a."]]
    assert members[1].heard == [[announced, "Your turn, a.", "a1", "Your turn, b."]]
    assert said(result.messages)[-1] == "the answer"
    assert result.stop_reason == "because"
    assert result.usage == RequestUsage(60, 6), "every call of the orchestrator counts"


@pytest.mark.parametrize(
    "bad", ["no JSON at all", '{"is_in_loop": true}', ledger("stranger"), ledger("a and b"), ""]
)
async def test_a_judgement_that_cannot_be_used_is_asked_for_again(bad: str) -> None:
    client = model(*PLANNED, bad, bad, f"Here:\n```json\n{ledger('b')}\n```", *DONE)
    result = await MagenticOneGroupChat(pair(), client).run(task="Do it")
    assert "b" in speakers(result.messages)
    corrections = [m.content for m in client.create_calls[4]["messages"] if "again" in m.content]
    assert len(corrections) == 2
    assert result.usage == RequestUsage(70, 7)


async def test_nonsense_without_end_ends_the_run_with_a_reason() -> None:
    client = model(*PLANNED, *["nonsense"] * 10)
    result = await MagenticOneGroupChat(pair(), client).run(task="Do it")
    assert result.stop_reason == (
        "The orchestrator's model gave no usable progress ledger in 10 attempts; "
        "it answered 'nonsense'."
    )
    assert result.usage == RequestUsage(120, 12)
    assert isinstance(result.messages[-1], SelectorEvent)


async def test_after_stalls_it_plans_anew_and_the_members_start_from_that() -> None:
    stalled = ledger("a", progress=False)
    client = model(*PLANNED, stalled, ledger("a", loop=True), "new facts", "new plan",
                   ledger("b"), *DONE)  # fmt: skip
    members = pair()
    result = await MagenticOneGroupChat(members, client, max_stalls=2).run(task="Do it")
    announced = [text for text in said(result.messages) if "Do it" in text][1:]
    assert len(announced) == 2
    assert "new facts" in announced[1]
    assert members[0].resets == 2
    assert members[1].heard == [[announced[1], "Your turn, b."]]
    assert "the facts" in client.create_calls[4]["messages"][-1].content


async def test_plan_after_plan_without_progress_ends_the_run() -> None:
    stalled = ledger("a", progress=False)
    client = model(*[*PLANNED, stalled] * 3, "sorry")
    team = MagenticOneGroupChat(pair(), client, max_stalls=1, max_turns=None)
    result = await team.run(task="Do it")
    assert result.stop_reason == "No progress with 3 plans."
    assert said(result.messages)[-1] == "sorry"


async def test_after_the_last_turn_it_answers_with_what_there_is() -> None:
    client = model(*PLANNED, ledger("a"), ledger("b"), "as far as I know", ledger("a"), "more")
    team = MagenticOneGroupChat(pair(), client, max_turns=2)
    result = await team.run(task="Do it")
    assert result.stop_reason == "Max rounds reached."
    assert said(result.messages)[-1] == "as far as I know"


async def test_8_a_second_task_starts_afresh() -> None:
    one = (*PLANNED, ledger("a"), ledger("b"), "answer")
    client = model(*one, *one)
    members = pair()
    team = MagenticOneGroupChat(members, client, max_turns=2)
    await team.run(task="First")
    result = await team.run(task="Second")
    assert speakers(result.messages)[1:] == [
        ORCHESTRATOR, ORCHESTRATOR, "a", ORCHESTRATOR, "b", ORCHESTRATOR
    ]  # fmt: skip
    assert not any("First" in text for text in members[0].heard[1])


async def test_8_a_run_without_a_task_goes_on_or_says_that_there_is_none() -> None:
    client = model(*PLANNED, ledger("a"), ledger("b"), *DONE)
    team = MagenticOneGroupChat(pair(), client, termination_condition=MaxMessageTermination(4))
    with pytest.raises(UsageError, match="has no task yet"):
        await team.run()
    assert speakers((await team.run(task="Do it")).messages)[-1] == "a"
    assert speakers((await team.run()).messages) == [ORCHESTRATOR, "b", ORCHESTRATOR]


async def test_8_the_task_is_left_out_of_the_stream_if_wanted() -> None:
    team = MagenticOneGroupChat(pair(), model(*PLANNED, *DONE))
    result = await team.run(task="Do it", output_task_messages=False)
    assert speakers(result.messages) == [ORCHESTRATOR, ORCHESTRATOR]


async def test_the_final_prompt_may_be_ones_own() -> None:
    client = model(*PLANNED, *DONE)
    team = MagenticOneGroupChat(pair(), client, final_answer_prompt="In rhyme, for {task}: {x}")
    await team.run(task="Do it")
    assert client.create_calls[-1]["messages"][-1].content == "In rhyme, for Do it: {x}"


@pytest.mark.parametrize("before", [0, 1, 2], ids=["facts", "plan", "judgement"])
async def test_8_its_model_calls_stop_when_the_token_is_cancelled(before: int) -> None:
    script = [*PLANNED, ledger("a")][:before]
    async with ModelServer([*script, Hangs()]) as server, asyncio.timeout(30):
        client = OpenAIChatCompletionClient(model="m", base_url=server.url, api_key="k")
        token = CancellationToken()
        team = MagenticOneGroupChat(pair(), client)
        running = asyncio.create_task(team.run(task="Do it", cancellation_token=token))
        await server.hanging.wait()
        token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await server.left.wait()


async def test_the_plan_and_the_speaker_in_flight_are_saved() -> None:
    first = MagenticOneGroupChat(pair(), model(*PLANNED, ledger("a")))
    async for item in first.run_stream(task="Do it"):
        if isinstance(item, TextMessage) and item.to_text() == "Your turn, a.":
            break
    state = json.loads(json.dumps(await first.save_state()))
    members = pair()
    client = model(ledger("b"), *DONE)
    second = MagenticOneGroupChat(members, client)
    await second.load_state(state)
    result = await second.run()
    assert speakers(result.messages) == ["a", ORCHESTRATOR, "b", ORCHESTRATOR]
    assert "Do it" in client.create_calls[0]["messages"][0].content


@pytest.mark.parametrize("options", [{"max_stalls": 0}, {"max_turns": 0}])
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        MagenticOneGroupChat(pair(), model(), **options)


async def test_a_team_may_be_in_the_crew() -> None:
    inner = RoundRobinGroupChat([Speaker("x"), Speaker("y")], name="inner", max_turns=2)
    client = model(*PLANNED, ledger("inner"), *DONE)
    result = await MagenticOneGroupChat([Speaker("a"), inner], client).run(task="Do it")
    assert said(result.messages)[2:] == ["Your turn, inner.", "x1", "y1", "the answer"]

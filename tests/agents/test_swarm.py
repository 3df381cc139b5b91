"""The team whose members hand over to each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sandcrew.agents import (
    HandoffTermination,
    MaxMessageTermination,
    RoundRobinGroupChat,
    SocietyOfMindAgent,
    Swarm,
)
from sandcrew.agents.messages import TextMessage
from sandcrew.agents.models import UserMessage
from sandcrew.executors import UsageError

from .crew import Speaker, hand, model, said, speakers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandcrew.agents.messages import BaseChatMessage


async def test_the_speaker_goes_on_until_it_hands_over() -> None:
    a = Speaker("a", "thinking", hand("a", "b"))
    b = Speaker("b", "done")
    result = await Swarm([a, b], termination_condition=MaxMessageTermination(4)).run(task="go")
    assert speakers(result.messages) == ["user", "a", "a", "b"]
    assert b.heard == [["go", "thinking", "a to b"]]


async def test_a_handoff_to_nobody_here_ends_the_run_and_says_so() -> None:
    a = Speaker("a", hand("a", "boss"), "well then")
    team = Swarm([a, Speaker("b")], max_turns=5)
    result = await team.run(task="go")
    assert result.stop_reason == "a handed over to 'boss', who is not in the team (a, b)."
    result = await team.run(task="There is no boss.")
    assert said(result.messages)[1] == "well then", "the run goes on with who handed over"


async def test_a_condition_on_the_handoff_comes_first() -> None:
    a = Speaker("a", hand("a", "user"))
    team = Swarm([a, Speaker("b")], termination_condition=HandoffTermination("user"), max_turns=9)
    result = await team.run(task="go")
    assert result.stop_reason == "Handoff to user from a detected."


async def test_a_handoff_as_the_task_says_who_answers() -> None:
    a, b = Speaker("a", hand("a", "user")), Speaker("b", hand("b", "user"))
    team = Swarm([a, b], termination_condition=HandoffTermination("user"))
    await team.run(task="go")
    result = await team.run(task=hand("user", "b"))
    assert speakers(result.messages) == ["user", "b"]
    with pytest.raises(UsageError, match="'boss', who is not in the team"):
        await team.run(task=hand("user", "boss"))


async def test_handing_the_conversation_around_ends_the_run() -> None:
    a = Speaker("a", *[hand("a", "b") for _ in range(20)])
    b = Speaker("b", *[hand("b", "a") for _ in range(20)])
    result = await Swarm([a, b]).run(task="go")
    assert result.stop_reason == ("The conversation is only handed around: a → b → a → b → a → b.")


async def test_handing_over_after_work_is_no_loop() -> None:
    def worked(source: str, target: str, number: int) -> BaseChatMessage:
        result = UserMessage(content=f"result {number}", source="tool")
        return hand(source, target, context=[result])

    a = Speaker("a", *[worked("a", "b", i) for i in range(10)])
    b = Speaker("b", *[hand("b", "a") for _ in range(10)])
    result = await Swarm([a, b], max_turns=20).run(task="go")
    assert result.stop_reason == "Maximum number of turns 20 reached."


async def test_the_first_must_be_able_to_hand_over() -> None:
    class Mute(Speaker):
        @property
        def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
            return (TextMessage,)

    with pytest.raises(UsageError, match="'a' does not produce HandoffMessage"):
        Swarm([Mute("a"), Speaker("b")])


async def test_a_team_may_be_handed_the_conversation() -> None:
    inner = RoundRobinGroupChat([Speaker("x"), Speaker("y")], name="inner", max_turns=2)
    team = Swarm(
        [Speaker("a", hand("a", "inner")), inner],
        termination_condition=MaxMessageTermination(4),
    )
    assert said((await team.run(task="go")).messages) == ["go", "a to inner", "x1", "y1"]


async def test_the_speaker_and_the_handoffs_counted_so_far_are_saved() -> None:
    def swarm() -> Swarm:
        a = Speaker("a", *[hand("a", "b") for _ in range(20)])
        b = Speaker("b", *[hand("b", "a") for _ in range(20)])
        return Swarm([a, b])

    first, second = swarm(), swarm()
    turns = 0
    async for item in first.run_stream(task="go"):
        turns += item.source in ("a", "b")  # type: ignore[union-attr]  # pyright: ignore
        if turns == 3:
            break
    await second.load_state(json.loads(json.dumps(await first.save_state())))
    result = await second.run()
    assert speakers(result.messages) == ["b", "a"]
    assert result.stop_reason is not None
    assert "only handed around" in result.stop_reason


async def test_reset_starts_with_the_first_again() -> None:
    a = Speaker("a", hand("a", "b"))
    team = Swarm([a, Speaker("b")], max_turns=2)
    await team.run(task="go")
    await team.reset()
    assert speakers((await team.run(task="go")).messages) == ["user", "a", "a"]


@pytest.mark.parametrize("behind_an_agent", [False, True])
async def test_a_swarm_in_a_swarm_is_handed_the_conversation(behind_an_agent: bool) -> None:
    x = Speaker("x", hand("x", "y"))
    inner = Swarm([x, Speaker("y")], name="inner", max_turns=2)
    member = SocietyOfMindAgent("inner", inner, model("done")) if behind_an_agent else inner
    a, b = Speaker("a", hand("a", "b")), Speaker("b", hand("b", "inner"))
    result = await Swarm([a, b, member], max_turns=3).run(task="go")
    assert said(result.messages)[:5] == ["go", "a to b", "b to inner", "x to y", "y1"]
    assert x.heard == [["go", "a to b", "b to inner"]]

"""Ctrl-C once interrupts the turn and asks, twice stops all."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from sandcrew.agents import RoundRobinGroupChat
from sandcrew.agents.ui import converse

from .crew import Waits, said

if TYPE_CHECKING:
    from collections.abc import Coroutine


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


async def ctrl_c_when(waiting: asyncio.Event) -> None:
    await waiting.wait()
    press_ctrl_c()


class Person:
    """Answers the question after an interruption."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def ask(self, question: str) -> str:
        self.asked += 1
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)


async def interrupted(speaker: Waits, conversation: Coroutine[Any, Any, object]) -> None:
    """Press Ctrl-C when the speaker is at it."""
    pressing = asyncio.create_task(ctrl_c_when(speaker.waiting))
    async with asyncio.timeout(30):
        try:
            await conversation
        finally:
            await pressing


def waiting_team() -> tuple[Waits, RoundRobinGroupChat]:
    speaker = Waits("a")
    return speaker, RoundRobinGroupChat([speaker], max_turns=1)


async def test_enter_goes_on_with_the_interrupted_turn() -> None:
    speaker, team = waiting_team()
    person = Person("")

    async def ask(question: str) -> str:
        assert speaker.gave_up.is_set(), "the turn has ended before anybody is asked"
        speaker.go.set()
        return await person.ask(question)

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(ctrl_c_when(speaker.waiting))
        result = await converse(team, "go", ask=ask)
    assert said(result.messages) == ["a1"]
    assert speaker.heard == [["go"]]


async def test_words_are_told_to_the_team_first() -> None:
    speaker, team = waiting_team()

    async def ask(question: str) -> str:
        speaker.go.set()
        return " be quick "

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(ctrl_c_when(speaker.waiting))
        await converse(team, "go", ask=ask)
    assert speaker.heard == [["go", "be quick"]]


@pytest.mark.parametrize("answers", [("q",), ()], ids=["q", "nobody"])
async def test_the_answer_may_be_to_stop(answers: tuple[str, ...]) -> None:
    speaker, team = waiting_team()
    person = Person(*answers)
    with pytest.raises(KeyboardInterrupt):
        await interrupted(speaker, converse(team, "go", ask=person.ask))
    assert speaker.gave_up.is_set()
    assert person.asked == 1


async def test_a_second_ctrl_c_while_asked_stops_all() -> None:
    speaker, team = waiting_team()
    given_up = asyncio.Event()

    async def ask(question: str) -> str:
        press_ctrl_c()
        try:
            return await asyncio.Future[str]()
        finally:
            given_up.set()

    with pytest.raises(KeyboardInterrupt):
        await interrupted(speaker, converse(team, "go", ask=ask))
    assert given_up.is_set()


async def test_a_second_ctrl_c_while_the_turn_ends_lets_it_end_and_asks_nobody() -> None:
    ended = asyncio.Event()

    class Slow(Waits):
        async def on_messages(self, messages: object, cancellation_token: object) -> object:  # type: ignore[override,return]
            self.waiting.set()
            try:
                await self.go.wait()
            finally:
                press_ctrl_c()
                for _ in range(10):
                    await asyncio.sleep(0)
                ended.set()

    speaker, person = Slow("a"), Person("")
    with pytest.raises(KeyboardInterrupt):
        await interrupted(speaker, converse(RoundRobinGroupChat([speaker]), "go", ask=person.ask))
    assert ended.is_set()
    assert person.asked == 0


async def test_without_a_terminal_ctrl_c_stops_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    speaker, team = waiting_team()
    with pytest.raises(KeyboardInterrupt):
        await interrupted(speaker, converse(team, "go"))
    assert speaker.gave_up.is_set()


async def test_afterwards_ctrl_c_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    speaker, team = waiting_team()
    speaker.go.set()
    await converse(team, "go", ask=Person().ask)
    assert signal.getsignal(signal.SIGINT) is before


async def test_a_cancelled_conversation_ends_its_turn() -> None:
    speaker, team = waiting_team()
    talking = asyncio.create_task(converse(team, "go", ask=Person().ask))
    await speaker.waiting.wait()
    talking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await talking
    assert speaker.gave_up.is_set()

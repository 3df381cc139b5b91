"""The team with a routing rule and an admin."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import BaseModel, ValidationError

from sandcrew.agents import GroupChat, RoundRobinGroupChat
from sandcrew.agents.messages import StructuredMessage, TextMessage
from sandcrew.executors import UsageError

from .crew import Speaker, said, speakers

if TYPE_CHECKING:
    from collections.abc import Sequence


class Request(TextMessage):
    """A message with an address."""

    to: str | list[str]
    urgent: bool = False
    type: Literal["Request"] = "Request"  # type: ignore[assignment]  # pyright: ignore


def request(source: str, to: str | list[str], content: str = "please") -> Request:
    return Request(content=content, source=source, to=to)


class Order(BaseModel):
    to: str
    what: str


async def test_round_robin_is_the_default() -> None:
    team = GroupChat([Speaker("a"), Speaker("b")], max_turns=3)
    assert speakers((await team.run(task="go")).messages) == ["user", "a", "b", "a"]


async def test_a_message_goes_to_whom_its_to_field_names() -> None:
    a, b = Speaker("a", request("a", "c")), Speaker("b")
    c = Speaker("c", request("c", "b"))
    team = GroupChat([a, b, c], routing="role_based", custom_message_types=[Request])
    result = await team.run(task="go")
    assert speakers(result.messages) == ["user", "a", "c", "b"]
    assert (
        result.stop_reason == "The routing names nobody, so nobody of the team (a, b, c) can go on."
    )


async def test_the_task_may_have_an_address_and_so_may_structured_content() -> None:
    order = StructuredMessage[Order](content=Order(to="b", what="work"), source="user")
    team = GroupChat([Speaker("a"), Speaker("b")], routing="role_based", max_turns=1)
    assert speakers((await team.run(task=order)).messages) == ["user", "b"]


async def test_several_recipients_speak_at_the_same_time() -> None:
    a, b, c = Speaker("a", request("a", ["b", "c"])), Speaker("b"), Speaker("c")
    result = await GroupChat([a, b, c], routing="role_based", max_turns=2).run(task="go")
    assert sorted(speakers(result.messages)) == ["a", "b", "c", "user"]
    assert b.heard == c.heard == [["go", "please"]], "they do not hear each other"


async def test_a_message_to_a_stranger_goes_to_the_admin_or_ends_the_run() -> None:
    a = Speaker("a", request("a", "boss"))
    result = await GroupChat([a, Speaker("b")], routing="role_based").run(task="go")
    assert result.stop_reason == "The routing names 'boss', so nobody of the team (a, b) can go on."

    admin = Speaker("admin", request("admin", "b"))
    a = Speaker("a", request("a", "boss"))
    team = GroupChat([a, Speaker("b")], routing="role_based", admin_agent=admin, max_turns=3)
    result = await team.run(task="go")
    assert speakers(result.messages) == ["user", "a", "admin", "b"]


async def test_an_admin_without_an_answer_ends_the_run() -> None:
    team = GroupChat([Speaker("a")], routing="role_based", admin_agent=Speaker("admin"))
    result = await team.run(task="go")
    assert speakers(result.messages) == ["user", "a", "admin"]
    assert result.stop_reason is not None
    assert "nobody" in result.stop_reason


async def test_what_the_admin_says_overrides_the_order() -> None:
    admin = Speaker("admin", request("admin", "c"))
    members = [Speaker("a"), admin, Speaker("b"), Speaker("c")]
    team = GroupChat(members, admin_agent=admin, max_turns=4)
    assert speakers((await team.run(task="go")).messages) == ["user", "a", "admin", "c", "a"]


async def test_a_message_to_the_admin_reaches_it_whatever_the_routing() -> None:
    admin = Speaker("admin", request("admin", "a"))
    members = [Speaker("a", request("a", "admin")), Speaker("b")]
    team = GroupChat(members, admin_agent=admin, max_turns=4)
    assert speakers((await team.run(task="go")).messages) == ["user", "a", "admin", "a", "b"]


async def test_broadcast_lets_all_speak_in_rounds() -> None:
    a, b = Speaker("a"), Speaker("b")
    result = await GroupChat([a, b], routing="broadcast", max_turns=2).run(task="go")
    assert sorted(said(result.messages)) == ["a1", "a2", "b1", "b2", "go"]
    assert a.heard == [["go"], ["b1"]]
    assert b.heard == [["go"], ["a1"]]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_function_routes(kind: str) -> None:
    def route(thread: Sequence[Any]) -> str | list[str] | None:
        answers: dict[int, str | list[str]] = {1: "b", 2: ["a"]}
        return answers.get(len(thread))

    async def route_async(thread: Sequence[Any]) -> str | list[str] | None:
        await asyncio.sleep(0)
        return route(thread)

    team = GroupChat([Speaker("a"), Speaker("b")], routing=route if kind == "sync" else route_async)
    result = await team.run(task="go")
    assert speakers(result.messages) == ["user", "b", "a"]
    assert result.stop_reason is not None
    assert "names nobody" in result.stop_reason


async def test_a_team_may_be_addressed() -> None:
    inner = RoundRobinGroupChat([Speaker("x"), Speaker("y")], name="inner", max_turns=2)
    team = GroupChat([Speaker("a"), inner], routing="role_based", max_turns=1)
    result = await team.run(task=request("user", "inner"))
    assert said(result.messages) == ["please", "x1", "y1"]


async def test_a_team_with_addresses_in_another_is_addressed_by_its_own_name() -> None:
    x = Speaker("x", request("x", "y"))
    inner = GroupChat([x, Speaker("y")], routing="role_based", name="inner", max_turns=2)
    team = GroupChat([Speaker("a", request("a", "inner")), inner], "role_based", max_turns=2)
    assert speakers((await team.run(task="go")).messages) == ["user", "a", "x", "y"]


async def test_where_it_was_is_saved_with_typed_messages() -> None:
    def chat() -> GroupChat:
        a, b = Speaker("a", request("a", "b")), Speaker("b", request("b", "a"))
        return GroupChat([a, b], routing="role_based", max_turns=1, custom_message_types=[Request])

    first, second = chat(), chat()
    await first.run(task="go")
    await second.load_state(json.loads(json.dumps(await first.save_state())))
    assert speakers((await second.run()).messages) == ["b"]
    assert speakers((await second.run()).messages) == ["a"]


def test_typed_messages_are_validated() -> None:
    with pytest.raises(ValidationError):
        Request.model_validate({"source": "a", "content": "x", "to": 3})


@pytest.mark.parametrize("routing", ["nearest", "", None])
def test_an_unknown_routing_is_refused(routing: Any) -> None:
    with pytest.raises(UsageError, match="routing is one of"):
        GroupChat([Speaker("a")], routing=routing)

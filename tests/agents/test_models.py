"""What all model clients share, and the one that replays."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from sandcrew.agents.model_context import (
    BufferedChatCompletionContext,
    UnboundedChatCompletionContext,
)
from sandcrew.agents.models import (
    CreateResult,
    LLMMessage,
    ReplayChatCompletionClient,
    RequestUsage,
    UserMessage,
    model_info_for,
    parse_json,
    sum_usage,
    validate_model_info,
)
from sandcrew.agents.runtime import CancellationToken, Image
from sandcrew.executors import UsageError

HELLO: list[LLMMessage] = [UserMessage(content="hello there", source="user")]


async def test_recorded_answers_come_in_order_and_then_no_more() -> None:
    ready = CreateResult(
        finish_reason="length", content="b", usage=RequestUsage(1, 1), cached=False
    )
    model = ReplayChatCompletionClient(["a", ready])
    assert (await model.create(HELLO)).content == "a"
    assert (await model.create(HELLO)).finish_reason == "length"
    with pytest.raises(UsageError, match="No more mock responses available"):
        await model.create(HELLO)
    model.reset()
    assert (await model.create(HELLO)).content == "a"


async def test_streamed_calls_are_recorded_too() -> None:
    model = ReplayChatCompletionClient(["one two  three\n"])
    *pieces, result = [piece async for piece in model.create_stream(HELLO)]
    assert "".join(str(piece) for piece in pieces) == "one two  three\n"
    assert isinstance(result, CreateResult)
    assert result.usage == model.total_usage() == RequestUsage(2, 3)
    assert [call["stream"] for call in model.create_calls] == [True]
    assert model.create_calls[0]["messages"] == HELLO


async def test_a_token_stops_a_replay() -> None:
    token = CancellationToken()
    model = ReplayChatCompletionClient(["one two three"])
    pieces: list[str | CreateResult] = []

    async def listen() -> None:
        async for piece in model.create_stream(HELLO, cancellation_token=token):
            pieces.append(piece)
            token.cancel()

    with pytest.raises(asyncio.CancelledError):
        await listen()
    assert pieces == ["one "]


@pytest.mark.parametrize(
    ("name", "family", "structured"),
    [
        ("gpt-4o-mini-2024", "gpt-4o", True),
        ("openai/gpt-4.1", "gpt-41", True),
        ("GPT-4-turbo", "gpt-4", False),
        ("claude-opus-9", "claude", False),
        ("something-new-70b", "unknown", False),
    ],
)
def test_what_a_model_can_do_comes_from_its_name(name: str, family: str, structured: bool) -> None:
    info = model_info_for(name)
    validate_model_info(info)
    assert (info["family"], info["structured_output"]) == (family, structured)


def test_a_model_info_that_lacks_something_is_refused() -> None:
    lacking: Any = {"vision": True}
    with pytest.raises(UsageError, match="function_calling"):
        ReplayChatCompletionClient([], lacking)


def test_usage_adds_up_and_is_autogens_by_position() -> None:
    total = sum_usage([RequestUsage(1, 2), None, RequestUsage(10, 20, 5, 6)])
    assert total == RequestUsage(11, 22, cached_tokens=5, reasoning_tokens=6)


class Decision(BaseModel):
    mood: Literal["good", "bad"]


@pytest.mark.parametrize("text", [
    '{"mood": "good"}',
    'Well {x}: {"other": 1} and\n```json\n{"mood": "good"}\n```',
    '{"mood": "go\x01od"} no, {"mood":\n"good"}',
    '[{"mood": "good"}]',
])  # fmt: skip
def test_json_is_found_in_whatever_a_model_says(text: str) -> None:
    assert parse_json(text, Decision) == Decision(mood="good")


@pytest.mark.parametrize("text", ["", "good", "{", '{"mood": "ugly"}', "{" * 1000])
def test_where_there_is_none_none_is_found(text: str) -> None:
    assert parse_json(text, Decision) is None


async def test_contexts_keep_their_first_messages_and_survive_json() -> None:
    context = UnboundedChatCompletionContext(initial_messages=HELLO)
    await context.add_message(UserMessage(content="x", source="user"))
    other = BufferedChatCompletionContext(1)
    await other.load_state(await context.save_state())
    assert await other.get_messages() == [*HELLO, UserMessage(content="x", source="user")]
    await context.clear()
    assert await context.get_messages() == HELLO
    with pytest.raises(UsageError):
        BufferedChatCompletionContext(0)


def test_a_picture_comes_from_anywhere(tmp_path: Path) -> None:
    data = base64.b64encode(b"GIF89a").decode()
    (tmp_path / "x.gif").write_bytes(b"GIF89a")
    image = Image.from_file(tmp_path / "x.gif")
    assert image == Image.from_uri(image.data_uri) == Image.from_base64(data, "image/gif")
    assert image.to_base64() == data
    with pytest.raises(UsageError):
        Image.from_uri("https://example.org/x.gif")


def test_a_picture_of_pillow_is_taken_as_it_is() -> None:
    pil = pytest.importorskip("PIL.Image")
    image = Image(pil.new("RGB", (1, 1)))
    assert base64.b64decode(image.data).startswith(b"\x89PNG")
    assert Image.from_pil(pil.new("RGB", (1, 1))) == image

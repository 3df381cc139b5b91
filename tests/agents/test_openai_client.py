"""The client of OpenAI's protocol, against a scripted server, through the real openai package."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from sandcrew.agents.models import (
    AssistantMessage,
    ChatCompletionTokenLogprob,
    CreateResult,
    LLMMessage,
    OpenAIChatCompletionClient,
    RequestUsage,
    SystemMessage,
    TopLogprob,
    UserMessage,
)
from sandcrew.agents.runtime import CancellationToken, FunctionCall, Image
from sandcrew.agents.tools import FunctionTool
from sandcrew.executors import (
    BackendCrashed,
    BackendError,
    BackendUnavailable,
    MissingExtra,
    UsageError,
)

from .model_server import Babbles, Cuts, Fails, Hangs, ModelServer, Says

HELLO: list[LLMMessage] = [UserMessage(content="hello", source="user")]


def client_of(server: ModelServer, **options: Any) -> OpenAIChatCompletionClient:
    all_options: dict[str, Any] = {"model": "anything-7b", "api_key": "k", **options}
    return OpenAIChatCompletionClient(base_url=server.url, **all_options)


async def ask(
    client: OpenAIChatCompletionClient, stream: bool, **options: Any
) -> tuple[str, CreateResult]:
    """What was streamed (the text itself if nothing was), and the result."""
    async with asyncio.timeout(30):
        if not stream:
            result = await client.create(HELLO, **options)
            return str(result.content), result
        pieces: list[str] = []
        async with aclosing(client.create_stream(HELLO, **options)) as items:
            async for item in items:
                if isinstance(item, CreateResult):
                    return "".join(pieces), item
                pieces.append(item)
    raise AssertionError("no result")


both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@both_ways
async def test_any_model_name_is_asked_and_its_usage_known(stream: bool) -> None:
    usage = {
        "prompt_tokens": 40,
        "completion_tokens": 30,
        "total_tokens": 70,
        "prompt_tokens_details": {"cached_tokens": 20},
        "completion_tokens_details": {"reasoning_tokens": 10},
    }
    async with ModelServer([Says("Good day to you.", usage=usage)]) as server:
        client = client_of(server, temperature=0.5)
        shown, result = await ask(client, stream)
        await client.close()
    assert shown == result.content == "Good day to you."
    assert result.finish_reason == "stop"
    assert result.usage == client.total_usage() == RequestUsage(40, 30, 20, 10)
    assert server.requests[0]["model"] == "anything-7b"
    assert server.requests[0]["temperature"] == 0.5


@both_ways
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_failing_server_is_asked_again(stream: bool, status: int) -> None:
    async with ModelServer([Fails(status), "Here I am."]) as server:
        _, result = await ask(client_of(server), stream)
    assert result.content == "Here I am."
    assert len(server.requests) == 2


@both_ways
async def test_a_server_that_goes_on_failing_is_given_up(stream: bool) -> None:
    async with ModelServer([Fails(429)] * 3) as server:
        with pytest.raises(BackendUnavailable, match=r"429.*scripted failure"):
            await ask(client_of(server, max_retries=2), stream)
    assert len(server.requests) == 3


@both_ways
@pytest.mark.parametrize("clean", [False, True], ids=["lost connection", "early end"])
async def test_an_answer_that_is_cut_is_asked_for_again(stream: bool, clean: bool) -> None:
    async with ModelServer([Cuts("The answer is", clean), "The answer is 42."]) as server:
        shown, result = await ask(client_of(server), stream)
    assert shown == result.content == "The answer is 42."


async def test_a_different_second_answer_is_announced_in_the_stream() -> None:
    async with ModelServer([Cuts("The answer is 41"), "It is 42."]) as server:
        shown, result = await ask(client_of(server), stream=True)
    assert result.content == "It is 42."
    assert shown.startswith("The answer is")
    assert shown.endswith("starts again.]\n\nIt is 42.")


async def test_cuts_are_not_retried_forever() -> None:
    async with ModelServer([Cuts("a"), Cuts("ab"), "abc"]) as server:
        with pytest.raises(BackendCrashed, match="2 times"):
            await ask(client_of(server, max_retries=1), stream=True)
    assert len(server.requests) == 2


@both_ways
async def test_a_refused_key_is_an_error_that_says_what_to_set(stream: bool) -> None:
    async with ModelServer([Fails(401, "bad key")]) as server:
        with pytest.raises(BackendUnavailable, match=r"bad key.*OPENAI_API_KEY"):
            await ask(client_of(server), stream)
    assert len(server.requests) == 1


@both_ways
async def test_a_server_that_is_not_there_is_an_error_that_names_it(stream: bool) -> None:
    async with ModelServer([]) as server:
        pass
    with pytest.raises(BackendUnavailable, match=r"No model server at http://127.*OPENAI_BASE_URL"):
        await ask(client_of(server, max_retries=0), stream)


@both_ways
async def test_an_unknown_model_is_an_error_that_names_it(stream: bool) -> None:
    async with ModelServer([Fails(404, "no such model")]) as server:
        with pytest.raises(BackendUnavailable, match="anything-7b"):
            await ask(client_of(server), stream)


@both_ways
async def test_a_refused_request_is_an_error_with_the_servers_words(stream: bool) -> None:
    async with ModelServer([Fails(400, "the context is too long")]) as server:
        with pytest.raises(BackendError, match="the context is too long"):
            await ask(client_of(server), stream)


async def test_a_slow_server_is_an_error_after_the_timeout() -> None:
    async with ModelServer([Hangs()]) as server:
        with pytest.raises(BackendUnavailable, match="did not answer in time"):
            await ask(client_of(server, timeout=0.05, max_retries=0), stream=False)


@pytest.mark.parametrize("body", ['{"choices": [{"mess', "[]", '{"choices": null}', '"hi"'])
async def test_nonsense_of_the_server_is_an_error(body: str) -> None:
    async with ModelServer([Babbles(body)]) as server:
        with pytest.raises(BackendCrashed):
            await ask(client_of(server), stream=False)


def test_without_a_key_one_line_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(BackendUnavailable, match="OPENAI_API_KEY") as caught:
        OpenAIChatCompletionClient(model="gpt-4o")
    assert "\n" not in str(caught.value)


def test_without_the_openai_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtra, match=r"sandcrew\[openai\]"):
        OpenAIChatCompletionClient(model="gpt-4o", api_key="k")


def test_a_misspelt_argument_is_refused() -> None:
    misspelt: dict[str, Any] = {"temprature": 0}
    with pytest.raises(UsageError, match="temprature"):
        OpenAIChatCompletionClient(model="gpt-4o", api_key="k", **misspelt)


async def test_the_environment_names_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    async with ModelServer(["No key needed here."]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        client = OpenAIChatCompletionClient(model="local")
        assert (await client.create(HELLO)).content == "No key needed here."


@both_ways
@pytest.mark.parametrize("begun", ["", "Once upon"], ids=["before", "during"])
async def test_a_token_stops_the_wait_and_closes_the_connection(stream: bool, begun: str) -> None:
    token = CancellationToken()
    async with ModelServer([Hangs(begun)]) as server, asyncio.timeout(20):
        asking = asyncio.create_task(ask(client_of(server), stream, cancellation_token=token))
        await server.hanging.wait()
        token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.left.wait()


async def test_a_cancelled_token_asks_nothing() -> None:
    token = CancellationToken()
    token.cancel()
    async with ModelServer(["never"]) as server:
        with pytest.raises(asyncio.CancelledError):
            await client_of(server).create(HELLO, cancellation_token=token)
    assert server.requests == []


async def test_the_tokens_callbacks_are_taken_back() -> None:
    token = CancellationToken()
    async with ModelServer(["a b c d e f g h"] * 2) as server:
        await ask(client_of(server), stream=True, cancellation_token=token)
        await ask(client_of(server), stream=False, cancellation_token=token)
    assert token._callbacks == []  # pyright: ignore[reportPrivateUsage]


@both_ways
@pytest.mark.parametrize("step", [
    Says("The answer is 42.", thought="Let me think."),
    Says("<think>Let me think.</think>\n\nThe answer is 42."),
], ids=["reasoning_content", "think tags"])  # fmt: skip
async def test_thoughts_are_kept_apart(stream: bool, step: Says) -> None:
    async with ModelServer([step]) as server:
        shown, result = await ask(client_of(server), stream)
    assert result.content == "The answer is 42."
    assert result.thought == "Let me think."
    if stream:
        assert shown.replace("\n", "") == "<think>Let me think.</think>The answer is 42."


async def test_an_answer_that_begins_like_a_tag_is_not_eaten() -> None:
    async with ModelServer(["<think> about kith and kin"]) as server:
        _, result = await ask(client_of(server), stream=False)
    assert result.content == "<think> about kith and kin"
    assert result.thought is None


class City(BaseModel):
    name: str
    size: Literal["small", "large"] = "small"


async def test_a_model_that_can_is_held_to_the_schema() -> None:
    async with ModelServer(['{"name": "Ulm", "size": "small"}']) as server:
        result = await client_of(server, model="gpt-4o").create(HELLO, json_output=City)
    assert City.model_validate_json(str(result.content)).name == "Ulm"
    schema = server.requests[0]["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["name", "size"]
    assert schema["additionalProperties"] is False


async def test_a_model_that_cannot_is_asked_in_words_and_read_leniently() -> None:
    answer = 'Sure:\n```json\n{"name": "Ulm"}\n```\nAnything else?'
    async with ModelServer([answer]) as server:
        result = await client_of(server).create(HELLO, json_output=City)
    assert json.loads(str(result.content)) == {"name": "Ulm"}
    assert "response_format" not in server.requests[0]
    assert '"title": "City"' in server.requests[0]["messages"][-1]["content"]


async def test_the_users_model_info_wins() -> None:
    client = OpenAIChatCompletionClient(
        model="gpt-4o", api_key="k", model_info={"vision": False, "context_window": 100}
    )
    assert client.model_info["vision"] is False
    assert client.model_info["function_calling"] is True
    assert client.remaining_tokens([]) == 100


@both_ways
async def test_tool_calls_are_put_together(stream: bool) -> None:
    step = Says("", tool_calls=(("c1", "add", '{"a": 1, "b": 2}'), ("c2", "now", "{}")))
    tool: dict[str, Any] = {"name": "add", "parameters": {"type": "object", "properties": {}}}
    async with ModelServer([step]) as server:
        _, result = await ask(client_of(server), stream, tools=[tool])
    assert result.content == [
        FunctionCall("c1", '{"a": 1, "b": 2}', "add"),
        FunctionCall("c2", "{}", "now"),
    ]
    assert result.finish_reason == "function_calls"
    assert server.requests[0]["tools"] == [{"type": "function", "function": tool}]


async def test_messages_arrive_as_the_protocol_has_them() -> None:
    messages: list[LLMMessage] = [
        SystemMessage(content="Be brief."),
        SystemMessage(content="Be kind."),
        UserMessage(content=["look", Image(data="AAAA")], source="the user"),
        AssistantMessage(content="I see.", source="coder"),
    ]
    async with ModelServer(["ok"] * 2) as server:
        await client_of(server).create(messages)
        await client_of(server, model="claude-x", include_name_in_message=False).create(messages)
    first, second = (request["messages"] for request in server.requests)
    assert [message["role"] for message in first] == ["system", "system", "user", "assistant"]
    assert first[2]["name"] == "the_user"
    assert first[2]["content"][1]["image_url"]["url"] == "data:image/png;base64,AAAA"
    assert second[0] == {"role": "system", "content": "Be brief.\nBe kind."}
    assert "name" not in second[1]


def test_a_client_works_in_one_event_loop_after_another() -> None:
    clients: list[OpenAIChatCompletionClient] = []

    async def once(port: int) -> int:
        async with ModelServer(["hi"], port) as server:
            clients.append(clients[0] if clients else client_of(server))
            assert (await clients[-1].create(HELLO)).content == "hi"
            return server.port

    asyncio.run(once(asyncio.run(once(0))))


@both_ways
async def test_which_tool_is_called_may_be_chosen(stream: bool) -> None:
    tools = [FunctionTool(print_it, "Print it."), FunctionTool(keep_it, "Keep it.")]
    async with ModelServer(["a", "b", "c"]) as server:
        client = client_of(server)
        for choice in ("none", "required", tools[1]):
            await ask(client, stream, tools=tools, tool_choice=choice)
    named = {"type": "function", "function": {"name": "keep_it"}}
    assert [request["tool_choice"] for request in server.requests] == ["none", "required", named]
    assert client.count_tokens(HELLO, tools=tools) > client.count_tokens(HELLO)


def print_it(text: str) -> None: ...


def keep_it(text: str) -> None: ...


async def test_arguments_that_are_null_are_none() -> None:
    body = {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": None, "tool_calls": [
                {"id": None, "type": "function", "function": {"name": "f", "arguments": None}},
            ]}}],
    }  # fmt: skip
    async with ModelServer([Babbles(json.dumps(body))]) as server:
        result = await client_of(server).create(HELLO)
    assert result.content == [FunctionCall("", "", "f")]


@both_ways
async def test_the_probabilities_of_tokens_survive_json(stream: bool) -> None:
    async with ModelServer(["Hello, world."]) as server:
        _, result = await ask(client_of(server, logprobs=True, top_logprobs=1), stream)
    tokens = CreateResult.model_validate_json(result.model_dump_json()).logprobs
    assert tokens == [
        ChatCompletionTokenLogprob(
            token=text, logprob=-0.5, bytes=list(text.encode()), top_logprobs=[TopLogprob(-2.5)]
        )
        for text in ("Hello, ", "world.")
    ]

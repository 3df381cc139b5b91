"""Clients around clients: cache, retry, fallback, limits, budget, prices."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from email.utils import formatdate
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from sandcrew.agents import AssistantAgent
from sandcrew.agents.models import (
    BudgetChatCompletionClient,
    BudgetExceeded,
    ChatCompletionCache,
    ChatCompletionClient,
    ContextTooLong,
    CreateResult,
    FallbackChatCompletionClient,
    LLMMessage,
    ModelBusy,
    OpenAIChatCompletionClient,
    PricedChatCompletionClient,
    Prices,
    RateLimitedChatCompletionClient,
    ReplayChatCompletionClient,
    RequestUsage,
    RetryChatCompletionClient,
    SystemMessage,
    UserMessage,
)
from sandcrew.agents.runtime import CancellationToken, InMemoryStore
from sandcrew.agents.tools import FunctionTool
from sandcrew.executors import BackendCrashed, BackendError, BackendUnavailable, UsageError

from .model_server import Babbles, Cuts, Fails, Hangs, ModelServer, Says

HELLO: list[LLMMessage] = [UserMessage(content="hello", source="user")]
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def client_of(server: ModelServer, model: str = "m", **options: Any) -> OpenAIChatCompletionClient:
    all_options: dict[str, Any] = {"api_key": "k", "max_retries": 0, **options}
    return OpenAIChatCompletionClient(model=model, base_url=server.url, **all_options)


async def ask(
    client: ChatCompletionClient, stream: bool = False, **options: Any
) -> tuple[list[str], CreateResult]:
    """The streamed pieces, and the result."""
    pieces: list[str] = []
    messages = options.pop("messages", HELLO)
    async with asyncio.timeout(30):
        if not stream:
            return [], await client.create(messages, **options)
        async with aclosing(client.create_stream(messages, **options)) as items:
            async for item in items:
                if isinstance(item, CreateResult):
                    return pieces, item
                pieces.append(item)
    raise AssertionError("no result")


def f() -> None:
    """Do."""


class Form(BaseModel):
    x: int


QUESTIONS: list[dict[str, Any]] = [
    {},
    {"messages": [SystemMessage(content="hello")]},
    {"messages": [UserMessage(content="hello", source="other")]},
    {"tools": [FunctionTool(f, "Do.")]},
    {"tools": [FunctionTool(f, "Do.")], "tool_choice": "none"},
    {"json_output": True},
    {"json_output": Form},
    {"extra_create_args": {"temperature": 1}},
]


async def test_the_same_question_is_asked_once_and_another_again() -> None:
    """AutoGen's key has neither the model nor the choice of tools."""
    async with ModelServer([str(number) for number in range(20)]) as server:
        store = InMemoryStore[Any]()
        caches = [
            ChatCompletionCache(client_of(server, model, **options), store)
            for model, options in (("m", {}), ("n", {}), ("m", {"seed": 1}))
        ]
        answers = [
            (await ask(cache, **question))[1].content
            for cache in caches
            for question in QUESTIONS[:4]
        ]
        answers += [(await ask(caches[0], **question))[1].content for question in QUESTIONS[4:]]
        again = [(await ask(caches[0], **question))[1] for question in QUESTIONS]
    assert answers == [str(number) for number in range(16)]
    assert [result.content for result in again] == answers[:4] + answers[12:]
    assert {(result.cached, result.usage.cost) for result in again} == {(True, 0.0)}
    assert caches[0].actual_usage() == RequestUsage(80, 40)
    assert caches[0].total_usage() == RequestUsage(160, 80, cost=0.0)


async def test_a_stream_is_replayed_as_it_was_and_known_as_a_whole() -> None:
    async with ModelServer(["The answer is 42."]) as server:
        cache = ChatCompletionCache(client_of(server))
        first, _ = await ask(cache, stream=True)
        second, result = await ask(cache, stream=True)
        _, whole = await ask(cache)
    assert len(first) > 1
    assert second == first
    assert result.content == whole.content == "".join(first)


async def test_a_whole_answer_is_streamed_in_one_piece_and_a_broken_one_not_kept() -> None:
    async with ModelServer([Cuts("The ans"), "Yes."]) as server:
        cache = ChatCompletionCache(client_of(server))
        with pytest.raises(BackendError):
            await ask(cache, stream=True)
        await ask(cache)
        assert await ask(cache, stream=True) == (["Yes."], (await ask(cache))[1])


async def test_a_store_may_give_json() -> None:
    class OnDisk(InMemoryStore[Any]):
        """Like a server's: text in, JSON out."""

        def get(self, key: str, default: Any = None) -> Any:
            return json.loads(self.store[key]) if key in self.store else default

        def set(self, key: str, value: Any) -> None:
            self.store[key] = TypeAdapter(Any).dump_json(value).decode()

    async with ModelServer(["One two three."]) as server:
        cache = ChatCompletionCache(client_of(server), OnDisk())
        first = await ask(cache, stream=True)
        second = await ask(cache, stream=True)
    assert second[0] == first[0]
    assert second[1].content == "One two three."


@both_ways
@pytest.mark.parametrize("step", [Fails(429), Fails(503), Babbles()], ids=str)
async def test_a_server_that_cannot_answer_is_asked_again(stream: bool, step: Any) -> None:
    async with ModelServer([step, step, "Here."]) as server:
        client = RetryChatCompletionClient(client_of(server), first_delay=0)
        assert (await ask(client, stream))[1].content == "Here."


async def test_retries_wait_as_long_as_the_server_says_and_no_longer() -> None:
    date = formatdate(0, usegmt=True)  # Long past: at once.
    for header in (("retry-after-ms", "1"), ("retry-after", "0"), ("retry-after", date)):
        async with ModelServer([Fails(429, headers=(header,)), "Here."]) as server:
            # Without the header it would wait an hour.
            client = RetryChatCompletionClient(client_of(server), first_delay=3600, max_delay=3600)
            assert (await ask(client))[1].content == "Here."


async def test_a_server_that_wants_too_much_time_is_not_waited_for() -> None:
    async with ModelServer([Fails(429, headers=(("retry-after", "3600"),))]) as server:
        with pytest.raises(ModelBusy) as caught:
            await ask(RetryChatCompletionClient(client_of(server)))
    assert caught.value.retry_after == 3600


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_what_does_not_pass_is_not_retried(status: int) -> None:
    async with ModelServer([Fails(status), "Here."]) as server:
        with pytest.raises(BackendError):
            await ask(RetryChatCompletionClient(client_of(server), first_delay=0))
    assert len(server.requests) == 1


async def test_there_are_only_so_many_retries_and_none_in_the_middle_of_a_stream() -> None:
    async with ModelServer([Fails(500)] * 3) as server:
        with pytest.raises(ModelBusy):
            await ask(RetryChatCompletionClient(client_of(server), max_retries=2, first_delay=0))
    assert len(server.requests) == 3
    async with ModelServer([Cuts("Half of"), "The whole."]) as server:
        with pytest.raises(BackendCrashed):
            await ask(RetryChatCompletionClient(client_of(server), first_delay=0), stream=True)
    with pytest.raises(UsageError):
        RetryChatCompletionClient(ReplayChatCompletionClient([]), max_retries=-1)


@both_ways
async def test_a_wait_can_be_cancelled(stream: bool) -> None:
    token = CancellationToken()
    async with ModelServer([Fails(429, headers=())]) as server:
        client = RetryChatCompletionClient(client_of(server), first_delay=3600, max_delay=3600)
        asking = asyncio.create_task(ask(client, stream, cancellation_token=token))
        async with asyncio.timeout(30):
            await server.asked.wait()
        token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_a_prompt_that_is_too_long_and_an_empty_account_are_told_apart() -> None:
    too_long = Fails(400, "This model's maximum context length is 10 tokens")
    async with ModelServer([too_long, Fails(429, code="insufficient_quota")]) as server:
        with pytest.raises(ContextTooLong, match="model_context"):
            await ask(client_of(server))
        with pytest.raises(BackendUnavailable, match="paid first") as caught:
            await ask(client_of(server))
    assert not isinstance(caught.value, ModelBusy)


@both_ways
async def test_another_model_answers_when_one_cannot(stream: bool) -> None:
    async with ModelServer([Fails(401), Fails(500), "Here."]) as server:
        client = FallbackChatCompletionClient([client_of(server, name) for name in "abc"])
        assert (await ask(client, stream))[1].content == "Here."
    assert [request["model"] for request in server.requests] == ["a", "b", "c"]
    assert client.total_usage() == RequestUsage(10, 5)


@both_ways
async def test_when_all_fail_the_last_error_knows_the_others(stream: bool) -> None:
    async with ModelServer([Fails(401), Fails(500)]) as server:
        client = FallbackChatCompletionClient([client_of(server, name) for name in "ab"])
        with pytest.raises(ModelBusy) as caught:
            await ask(client, stream)
    assert "refuses the key" in caught.value.__notes__[0]
    with pytest.raises(UsageError):
        FallbackChatCompletionClient([])


async def test_a_chain_can_do_what_all_its_models_can() -> None:
    async with ModelServer([]) as server:
        chain = FallbackChatCompletionClient(
            [client_of(server, "gpt-4o"), client_of(server, "gpt-4")]
        )
    assert not chain.model_info["vision"]
    assert chain.model_info["function_calling"]
    assert chain.model_info.get("context_window") == 8_192
    assert chain.remaining_tokens(HELLO) < 8_192


@both_ways
async def test_calls_beyond_a_rate_wait_and_the_wait_can_be_cancelled(stream: bool) -> None:
    token = CancellationToken()
    async with ModelServer(["one", "two"]) as server:
        for limits in ({"requests_per_minute": 1}, {"tokens_per_minute": 15}):
            client = RateLimitedChatCompletionClient(client_of(server), **limits)
            await ask(client, stream)
            waiting = asyncio.create_task(ask(client, stream, cancellation_token=token))
            await asyncio.sleep(0)
            token.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            token = CancellationToken()
    assert len(server.requests) == 2


async def test_only_so_many_calls_go_on_at_once() -> None:
    async with ModelServer([Hangs(), "two"]) as server:
        client = RateLimitedChatCompletionClient(client_of(server), max_concurrent=1)
        first = asyncio.create_task(ask(client))
        async with asyncio.timeout(30):
            await server.hanging.wait()
            second = asyncio.create_task(ask(client))
            await asyncio.sleep(0)
            assert len(server.requests) == 1
            first.cancel()
            assert (await second)[1].content == "two"
    for limits in ({}, {"max_concurrent": 0}):
        with pytest.raises(UsageError):
            RateLimitedChatCompletionClient(ReplayChatCompletionClient([]), **limits)


PRICES = Prices(prompt=2.0, completion=10.0, cached=0.5)
USAGE = {
    "prompt_tokens": 1_000_000,
    "completion_tokens": 100_000,
    "total_tokens": 1_100_000,
    "prompt_tokens_details": {"cached_tokens": 400_000},
}


@both_ways
async def test_what_was_used_has_its_price_in_every_result_and_in_the_sum(stream: bool) -> None:
    async with ModelServer([Says("one", usage=USAGE)] * 2) as server:
        client = client_of(server, prices=PRICES)
        agent = AssistantAgent("a", client, model_client_stream=stream)
        result = await agent.run(task="hi")
        assert result.usage.cost == pytest.approx(1.2 + 0.2 + 1.0)
        assert client.total_usage().cost == result.usage.cost
        priced = PricedChatCompletionClient(client_of(server), PRICES)
        assert (await ask(priced, stream))[1].usage == result.usage == priced.total_usage()


@both_ways
async def test_a_budget_ends_the_calls(stream: bool) -> None:
    async with ModelServer([Says("one", usage=USAGE)] * 3) as server:
        client = BudgetChatCompletionClient(client_of(server, prices=PRICES), max_cost=2.5)
        await ask(client, stream)
        await ask(client, stream)
        with pytest.raises(BudgetExceeded, match=r"2\.5 is used up: 4\.8"):
            await ask(client, stream)
        assert len(server.requests) == 2
        client = BudgetChatCompletionClient(client_of(server), max_tokens=10)
        await ask(client, stream)
        with pytest.raises(BudgetExceeded, match="10 tokens"):
            await ask(client, stream)


async def test_a_budget_of_money_needs_prices_and_a_cache_is_free() -> None:
    with pytest.raises(UsageError):
        BudgetChatCompletionClient(ReplayChatCompletionClient([]))
    async with ModelServer(["one", "two"]) as server:
        with pytest.raises(UsageError, match="prices"):
            await ask(BudgetChatCompletionClient(client_of(server), max_cost=1))
        client = BudgetChatCompletionClient(ChatCompletionCache(client_of(server)), max_tokens=20)
        for _ in range(3):
            await ask(client)
    assert client.spent == RequestUsage(10, 5)


def test_costs_add_up_where_they_are_known() -> None:
    known = RequestUsage(1, 1, cost=0.5)
    assert (known + RequestUsage(1, 1)).cost == 0.5
    assert (known + known).cost == 1.0
    assert (RequestUsage(1, 1) + RequestUsage(1, 1)).cost is None

"""The assistant, the person, and what agents share."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from sandcrew.agents import AssistantAgent, Response, RoundRobinGroupChat, UserProxyAgent
from sandcrew.agents.messages import (
    HandoffMessage,
    ModelClientStreamingChunkEvent,
    MultiModalMessage,
    TextMessage,
    ThoughtEvent,
    UserInputRequestedEvent,
)
from sandcrew.agents.model_context import BufferedChatCompletionContext
from sandcrew.agents.models import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ReplayChatCompletionClient,
    RequestUsage,
    UserMessage,
)
from sandcrew.agents.runtime import CancellationToken, FunctionCall, Image
from sandcrew.executors import BackendCrashed, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def prompt_of(model: ReplayChatCompletionClient, call: int = -1) -> list[str]:
    return [str(message.content) for message in model.create_calls[call]["messages"]]


async def test_the_assistant_says_what_its_model_says() -> None:
    model = ReplayChatCompletionClient(["Hello."])
    result = await AssistantAgent("a", model, system_message="Be kind.").run(task="hi")
    assert [m.to_text() for m in result.messages] == ["hi", "Hello."]
    assert prompt_of(model) == ["Be kind.", "hi"]
    assert result.messages[-1].models_usage == model.total_usage() == result.usage


async def test_it_remembers_the_conversation() -> None:
    model = ReplayChatCompletionClient(["Hello.", "Yes."])
    agent = AssistantAgent("a", model, system_message=None)
    await agent.run(task="hi")
    await agent.run(task="really?")
    assert prompt_of(model) == ["hi", "Hello.", "really?"]


async def test_streamed_pieces_are_the_message() -> None:
    agent = AssistantAgent("a", ReplayChatCompletionClient(["one two three"]),
                           model_client_stream=True)  # fmt: skip
    items = [item async for item in agent.run_stream(task="hi")]
    pieces = [i for i in items if isinstance(i, ModelClientStreamingChunkEvent)]
    message = items[-2]
    assert isinstance(message, TextMessage)
    assert "".join(piece.content for piece in pieces) == message.content == "one two three"
    assert {piece.full_message_id for piece in pieces} == {message.id}


async def test_thoughts_are_told() -> None:
    answer = CreateResult(
        finish_reason="stop", content="42", usage=RequestUsage(1, 1), cached=False, thought="6 * 7"
    )
    agent = AssistantAgent("a", ReplayChatCompletionClient([answer]))
    response = await agent.on_messages(
        [TextMessage(content="?", source="user")], CancellationToken()
    )
    assert [type(event) for event in response.inner_messages or ()] == [ThoughtEvent]
    assert response.chat_message.to_text() == "42"


async def test_a_failed_call_leaves_nothing_in_the_memory() -> None:
    model = ReplayChatCompletionClient([])
    agent = AssistantAgent("a", model, system_message=None)
    with pytest.raises(UsageError, match="No more mock responses available"):
        await agent.run(task="hi")
    model.chat_completions.append("Hello.")
    await agent.run(task="hi")
    assert prompt_of(model) == ["hi"]


async def test_a_turn_left_by_break_leaves_nothing_in_the_memory() -> None:
    model = ReplayChatCompletionClient(["one two", "three"])
    agent = AssistantAgent("a", model, system_message=None, model_client_stream=True)
    async for item in agent.run_stream(task="hi"):
        if isinstance(item, ModelClientStreamingChunkEvent):
            break
    await agent.run(task="again")
    assert prompt_of(model) == ["again"]


async def test_an_agent_takes_one_turn_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandcrew.agents.model_context.base._PATIENCE", 0)
    model = ReplayChatCompletionClient(["one two", "three"])
    agent = AssistantAgent("a", model, model_client_stream=True)
    async with aclosing(agent.run_stream(task="hi")) as items:
        async for item in items:
            if isinstance(item, ModelClientStreamingChunkEvent):
                with pytest.raises(UsageError, match="one turn at a time"):
                    await agent.run(task="again")


async def test_a_state_saved_in_a_turn_is_that_before_it() -> None:
    model = ReplayChatCompletionClient(["one two"])
    agent = AssistantAgent("a", model, model_client_stream=True)
    before = await agent.save_state()
    async with aclosing(agent.run_stream(task="hi")) as items:
        async for item in items:
            if isinstance(item, ModelClientStreamingChunkEvent):
                assert await agent.save_state() == before
    assert await agent.save_state() != before


async def test_its_state_is_json_and_can_be_loaded_and_cleared() -> None:
    first = AssistantAgent("a", ReplayChatCompletionClient(["Hello."]), system_message=None)
    await first.run(task="hi")
    model = ReplayChatCompletionClient(["Yes.", "What?"])
    second = AssistantAgent("a", model, system_message=None)
    await second.load_state(json.loads(json.dumps(await first.save_state())))
    await second.run(task="really?")
    assert prompt_of(model) == ["hi", "Hello.", "really?"]
    await second.on_reset(CancellationToken())
    await second.run(task="again")
    assert prompt_of(model) == ["again"]


async def test_a_model_context_decides_what_is_shown() -> None:
    model = ReplayChatCompletionClient(["1", "2", "3"])
    context = BufferedChatCompletionContext(buffer_size=2)
    agent = AssistantAgent("a", model, system_message="S", model_context=context)
    for task in ("a", "b", "c"):
        await agent.run(task=task)
    assert prompt_of(model) == ["S", "a", "2", "c"]


async def test_a_model_that_cannot_see_gets_no_pictures() -> None:
    model = ReplayChatCompletionClient(["I cannot."])
    message = MultiModalMessage(content=["look:", Image(data="AAAA")], source="user")
    await AssistantAgent("a", model, system_message=None).run(task=message)
    assert prompt_of(model) == ["look:\n<image>"]


async def test_a_handoff_brings_its_context() -> None:
    model = ReplayChatCompletionClient(["Yes?"])
    known: list[LLMMessage] = [UserMessage(content="known", source="b")]
    message = HandoffMessage(content="over to you", source="b", target="a", context=known)
    await AssistantAgent("a", model, system_message=None).run(task=message)
    assert prompt_of(model) == ["known", "over to you"]


async def test_a_call_of_a_tool_nobody_gave_is_an_error() -> None:
    answer = CreateResult(
        finish_reason="function_calls",
        content=[FunctionCall("1", "{}", "rm")],
        usage=RequestUsage(1, 1),
        cached=False,
    )
    with pytest.raises(BackendCrashed, match="'a' answered with a call of a tool"):
        await AssistantAgent("a", ReplayChatCompletionClient([answer])).run(task="hi")


async def test_a_result_is_never_shown_without_its_call() -> None:
    context = BufferedChatCompletionContext(buffer_size=2)
    await context.add_message(AssistantMessage(content=[FunctionCall("1", "", "f")], source="a"))
    await context.add_message(FunctionExecutionResultMessage(content=[]))
    await context.add_message(UserMessage(content="x", source="user"))
    assert [type(message).__name__ for message in await context.get_messages()] == ["UserMessage"]


async def ask_later(prompt: str, token: CancellationToken | None) -> str:
    await asyncio.sleep(0)
    return f"answer to {UserProxyAgent.InputRequestContext.request_id()}"


def ask_now(prompt: str) -> str:
    return f"answer to {UserProxyAgent.InputRequestContext.request_id()}"


@pytest.mark.parametrize("func", [ask_now, ask_later])
async def test_a_person_is_asked_after_the_request_is_told(func: Any) -> None:
    result = await UserProxyAgent("person", input_func=func).run(task="hi")
    request, answer = result.messages[1:]
    assert isinstance(request, UserInputRequestedEvent)
    assert answer.to_text() == f"answer to {request.request_id}"
    with pytest.raises(UsageError):
        UserProxyAgent.InputRequestContext.request_id()


async def test_a_handoff_to_a_person_is_handed_back() -> None:
    message = HandoffMessage(content="your turn", source="a", target="person")
    agent = UserProxyAgent("person", input_func=lambda prompt: prompt)
    answer = (await agent.run(task=message)).messages[-1]
    assert isinstance(answer, HandoffMessage)
    assert answer.target == "a"
    assert answer.content.startswith("Handoff received from a.")


async def test_an_error_of_an_input_function_is_the_callers_to_see() -> None:
    def broken(_: str) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await UserProxyAgent("person", input_func=broken).run(task="hi")


async def test_the_terminal_is_read_line_by_line_and_a_cancelled_wait_eats_nothing(
    tmp_path: Path,
) -> None:
    # In a process of its own, for it reads the real standard input.
    program = """
import asyncio
from sandcrew.agents import UserProxyAgent, RoundRobinGroupChat
async def main():
    person = UserProxyAgent("person")
    try:
        async with asyncio.timeout(0.01):
            await person.run(task="hi")
    except TimeoutError:
        print("given up", flush=True)
    for _ in range(2):
        print((await person.run(task="hi")).messages[-1].to_text(), flush=True)
    try:
        await person.run(task="hi")
    except EOFError:
        print("the end")
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=os.environ,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert b"given up" in await process.stdout.readline()
        process.stdin.write(b"one\ntwo\n")
        process.stdin.close()
        output = (await process.stdout.read()).decode()
        await process.wait()
    assert output.replace("Enter your response: ", "") == "one\ntwo\nthe end\n"


async def test_an_agent_runs_alone_as_in_a_team() -> None:
    agent = AssistantAgent("a", ReplayChatCompletionClient(["one", "two"]))
    alone = [item async for item in agent.run_stream(task="hi", output_task_messages=False)]
    team = RoundRobinGroupChat([agent], max_turns=1)
    together = [item async for item in team.run_stream(task="hi", output_task_messages=False)]
    assert [type(item) for item in alone] == [type(item) for item in together]


async def test_a_turn_ends_with_its_response() -> None:
    agent = AssistantAgent("a", ReplayChatCompletionClient(["one"]))
    task = [TextMessage(content="hi", source="user")]
    items = [item async for item in agent.on_messages_stream(task, CancellationToken())]
    assert [type(item) for item in items] == [Response]

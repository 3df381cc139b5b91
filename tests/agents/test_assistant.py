"""The assistant's tools, handoffs, memory and structured answers, against the scripted server."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from sandcrew.agents import AssistantAgent, BaseChatAgent, Response, TaskResult
from sandcrew.agents.base import Handoff
from sandcrew.agents.memory import ListMemory, MemoryContent, MemoryMimeType
from sandcrew.agents.messages import (
    HandoffMessage,
    MemoryQueryEvent,
    StructuredMessage,
    TextMessage,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
    ToolCallSummaryMessage,
)
from sandcrew.agents.models import (
    CreateResult,
    FunctionExecutionResult,
    ModelInfo,
    OpenAIChatCompletionClient,
    ReplayChatCompletionClient,
    RequestUsage,
)
from sandcrew.agents.runtime import CancellationToken, FunctionCall
from sandcrew.agents.tools import (
    BaseStreamTool,
    BaseToolWithState,
    StaticWorkbench,
    ToolResult,
    ToolSchema,
    Workbench,
)
from sandcrew.executors import BackendCrashed, UsageError

from .model_server import ModelServer, Says

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
CAN = ModelInfo(
    vision=False, function_calling=True, json_output=True, family="any", structured_output=True
)


def calls(*wanted: tuple[str, str]) -> Says:
    """An answer that calls tools: (name, arguments)."""
    return Says("", tool_calls=tuple((f"c{i}", *call) for i, call in enumerate(wanted)))


def assistant(server: ModelServer, stream: bool = False, **options: Any) -> AssistantAgent:
    client = OpenAIChatCompletionClient(
        model="any", api_key="k", base_url=server.url, model_info=CAN, max_retries=0
    )
    return AssistantAgent("a", client, model_client_stream=stream, **options)


def replayed(*answers: str | list[FunctionCall], **options: Any) -> AssistantAgent:
    usage = RequestUsage(1, 1)
    results = [
        CreateResult(finish_reason="unknown", content=answer, usage=usage, cached=False)
        for answer in answers
    ]
    return AssistantAgent("a", ReplayChatCompletionClient(results, CAN), **options)


async def run(agent: AssistantAgent, task: str = "go") -> TaskResult:
    async with asyncio.timeout(30):
        return await agent.run(task=task)


def results_of(result: TaskResult) -> list[FunctionExecutionResult]:
    events = [m for m in result.messages if isinstance(m, ToolCallExecutionEvent)]
    return [one for event in events for one in event.content]


def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@both_ways
async def test_a_tool_is_called_and_its_result_is_the_answer(stream: bool) -> None:
    async with ModelServer([calls(("add", '{"a": 1, "b": 2}'))]) as server:
        result = await run(assistant(server, stream, tools=[add]))
    request, execution, answer = result.messages[1:]
    assert isinstance(request, ToolCallRequestEvent)
    assert isinstance(execution, ToolCallExecutionEvent)
    assert isinstance(answer, ToolCallSummaryMessage)
    assert answer.content == execution.content[0].content == "3"
    assert result.usage == request.models_usage == RequestUsage(10, 5)
    told = server.requests[0]["tools"][0]["function"]
    assert (told["name"], told["description"]) == ("add", "Add two numbers.")
    assert told["parameters"]["required"] == ["a"]


@both_ways
async def test_the_model_may_go_on_calling_and_then_say_what_came_out(stream: bool) -> None:
    script = [calls(("add", '{"a": 1}')), calls(("add", '{"a": 2}')), Says("It is 3.")]
    async with ModelServer(script) as server:
        result = await run(assistant(server, stream, tools=[add], max_tool_iterations=5))
    assert result.messages[-1].to_text() == "It is 3."
    assert [one.content for one in results_of(result)] == ["2", "3"]
    roles = [message["role"] for message in server.requests[-1]["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "tool"]
    assert result.usage == RequestUsage(30, 15)


async def test_reflection_puts_the_last_results_into_words() -> None:
    async with ModelServer([calls(("add", '{"a": 1}')), "Two."]) as server:
        result = await run(assistant(server, tools=[add], reflect_on_tool_use=True))
    assert isinstance(result.messages[-1], TextMessage)
    assert result.messages[-1].content == "Two."
    assert server.requests[1]["tool_choice"] == "none"
    assert result.usage == RequestUsage(20, 10)


@pytest.mark.parametrize("said", [Says(""), calls(("add", "{}"))], ids=["nothing", "more calls"])
async def test_a_reflection_that_is_none_leaves_the_results_as_the_answer(said: Says) -> None:
    async with ModelServer([calls(("add", '{"a": 1}')), said]) as server:
        result = await run(assistant(server, tools=[add], reflect_on_tool_use=True))
    assert isinstance(result.messages[-1], ToolCallSummaryMessage)
    assert result.messages[-1].content == "2"
    assert result.usage == RequestUsage(20, 10)


async def test_the_calls_of_one_answer_run_at_the_same_time() -> None:
    barrier = asyncio.Barrier(3)

    async def meet(n: int) -> int:
        await barrier.wait()
        return n

    wanted = calls(*(("meet", f'{{"n": {n}}}') for n in range(3)))
    async with ModelServer([wanted]) as server:
        result = await run(assistant(server, tools=[meet]))
    assert result.messages[-1].to_text() == "0\n1\n2"


def explode(a: int = 0) -> str:
    raise ZeroDivisionError("boom")


def leave() -> None:
    raise SystemExit(3)


def stop_iterating() -> None:
    raise StopIteration


async def cancel_itself() -> None:
    raise asyncio.CancelledError


async def cancel_its_task() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.Event().wait()


class Unprintable:
    def __str__(self) -> str:
        raise ValueError("no words for it")


def give_the_unprintable() -> Unprintable:
    return Unprintable()


@both_ways
@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("add", '{"a": ', "not valid JSON"),
        ("add", '["a"]', "one JSON object"),
        ("add", "[" * 5_000, "not valid JSON"),
        ("add", "{}", "a: Field required"),
        ("add", '{"a": "x"}', "a: Input should be a valid integer"),
        ("add", '{"a": 1, "c": 1}', "c: Extra inputs"),
        ("substract", "{}", "tool 'substract' not found"),
        ("", "{}", "tool '' not found"),
        ("explode", "", "ZeroDivisionError: boom"),
        ("leave", "{}", "SystemExit: 3"),
        ("stop_iterating", "{}", "StopIteration"),
        ("cancel_itself", "{}", "cancelled"),
        ("cancel_its_task", "{}", "cancelled"),
        ("give_the_unprintable", "{}", "no words for it"),
    ],
)
async def test_whatever_goes_wrong_in_a_call_the_model_is_told(
    stream: bool, name: str, arguments: str, said: str
) -> None:
    tools: list[Any] = [add, explode, leave, stop_iterating, cancel_itself, cancel_its_task]
    tools.append(give_the_unprintable)
    async with ModelServer([calls((name, arguments), ("add", '{"a": 1}')), "Oh."]) as server:
        result = await run(assistant(server, stream, tools=tools, reflect_on_tool_use=True))
    failed, worked = results_of(result)
    assert failed.is_error
    assert said in failed.content
    assert (worked.content, worked.is_error) == ("2", False)
    assert result.messages[-1].to_text() == "Oh."


class Broken(Workbench):
    """A workbench whose calls fail beside its tools. AutoGen's assistant waits for ever."""

    async def list_tools(self) -> list[ToolSchema]:
        return [ToolSchema(name="f")]

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        raise ConnectionError("the wire is cut")


async def test_a_workbench_that_raises_is_an_error_result() -> None:
    async with ModelServer([calls(("f", "{}"))]) as server:
        result = await run(assistant(server, workbench=Broken()))
    assert results_of(result)[0].is_error
    assert "the wire is cut" in result.messages[-1].to_text()


async def test_ten_megabytes_of_a_tool_are_bounded_with_a_note() -> None:
    def flood() -> str:
        return "a" * 5_000_000 + "z" * 5_000_000

    async with ModelServer([calls(("flood", "{}")), "Much."]) as server:
        result = await run(assistant(server, tools=[flood], reflect_on_tool_use=True))
    (one,) = results_of(result)
    assert len(one.content) < 110_000
    assert "9,900,000 characters left out" in one.content
    assert (one.content[0], one.content[-1]) == ("a", "z")


class Hanging:
    """A tool that waits, and knows when it began and that it was cancelled."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self) -> str:
        """Wait."""
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return ""


@pytest.mark.parametrize("way", ["token", "task", "timeout", "token of a turn"])
async def test_a_tool_that_hangs_is_cancelled_with_the_turn(way: str) -> None:
    """AutoGen hangs for ever when a token is cancelled during a tool call."""
    tool, token = Hanging(), CancellationToken()
    agent = replayed([FunctionCall("1", "{}", "Hanging"), FunctionCall("2", '{"a": 1}', "add")],
                     "Again.", tools=[tool, add], system_message=None)  # fmt: skip
    before = await agent.save_state()

    async def take() -> object:
        if way == "token of a turn":
            return await agent.on_messages([TextMessage(content="go", source="user")], token)
        if way == "timeout":
            async with asyncio.timeout(0) as scope:
                scope.reschedule(None)
                asyncio.get_running_loop().create_task(end_when_it_runs(scope))
                return await agent.run(task="go")
        return await agent.run(task="go", cancellation_token=token)

    async def end_when_it_runs(scope: asyncio.Timeout) -> None:
        await tool.began.wait()
        scope.reschedule(asyncio.get_running_loop().time())

    async with asyncio.timeout(30):
        turn = asyncio.create_task(take())
        await tool.began.wait()
        if way == "task":
            turn.cancel()
        else:
            token.cancel()
        with pytest.raises((asyncio.CancelledError, TimeoutError)):
            await turn
        assert tool.cancelled.is_set()
        assert await agent.save_state() == before
        assert (await agent.run(task="go")).messages[-1].to_text() == "Again."


class Nothing(BaseModel):
    """No arguments."""


class Tallied(BaseModel):
    calls: int


class Counter(BaseStreamTool[Nothing, TextMessage, str]):
    """Tells messages while it works, and hangs after them if it is to."""

    def __init__(self, hangs: bool = False) -> None:
        super().__init__(Nothing, str, "count", "Count.")
        self.hangs = hangs
        self.closed = asyncio.Event()

    async def run(self, args: Nothing, cancellation_token: CancellationToken) -> str:
        return "done"

    async def run_stream(
        self, args: Nothing, cancellation_token: CancellationToken
    ) -> AsyncGenerator[TextMessage | str, None]:
        try:
            for number in ("one", "two"):
                yield TextMessage(content=number, source="count")
            if self.hangs:
                # What was told last may be the result: one more, and it is not.
                yield TextMessage(content="three", source="count")
                await asyncio.Event().wait()
            yield "done"
        finally:
            self.closed.set()


async def test_what_a_tool_tells_is_in_the_stream_while_it_works() -> None:
    agent = replayed([FunctionCall("1", "{}", "count")], tools=[Counter()])
    result = await run(agent)
    texts = [m.to_text() for m in result.messages]
    assert texts == ["go", "count({})", "one", "two", "done", "done"]


async def test_a_turn_left_by_break_closes_its_tools() -> None:
    tool = Counter(hangs=True)
    agent = replayed([FunctionCall("1", "{}", "count")], "Hello.", tools=[tool])
    async with asyncio.timeout(30):
        async with aclosing(agent.run_stream(task="go")) as items:
            async for item in items:
                if isinstance(item, TextMessage) and item.content == "two":
                    break
        await tool.closed.wait()
        assert (await run(agent)).messages[-1].to_text() == "Hello."


async def test_a_blocking_tool_blocks_nobody() -> None:
    released = threading.Event()

    def wait() -> str:
        assert released.wait(30)
        return "free"

    async def free() -> str:
        released.set()
        return "freed"

    wanted = [FunctionCall("1", "{}", "wait"), FunctionCall("2", "{}", "free")]
    result = await run(replayed(wanted, tools=[wait, free]))
    assert result.messages[-1].to_text() == "free\nfreed"


async def test_results_are_put_as_the_user_wants() -> None:
    wanted = [FunctionCall("1", '{"a": 1}', "add")]
    form = "{tool_name}({arguments}) = {result} [{is_error}]"
    result = await run(replayed(wanted, tools=[add], tool_call_summary_format=form))
    assert result.messages[-1].to_text() == 'add({"a": 1}) = 2 [False]'

    def short(call: FunctionCall, outcome: FunctionExecutionResult) -> str:
        return f"{call.name}: {outcome.content}"

    result = await run(replayed(wanted, tools=[add], tool_call_summary_formatter=short))
    assert result.messages[-1].to_text() == "add: 2"


async def test_calls_without_ids_or_with_the_same_are_told_apart() -> None:
    wanted = [FunctionCall("", '{"a": 1}', "add"), FunctionCall("", '{"a": 2}', "add")]
    result = await run(replayed(wanted, tools=[add]))
    first, second = results_of(result)
    assert first.call_id
    assert second.call_id
    assert first.call_id != second.call_id


class Mood(BaseModel):
    mood: str
    score: int


@both_ways
async def test_an_answer_may_be_a_value(stream: bool) -> None:
    async with ModelServer(['{"mood": "good", "score": 7}']) as server:
        agent = assistant(
            server, stream, output_content_type=Mood, output_content_type_format="{mood}!"
        )
        message = (await run(agent)).messages[-1]
    assert isinstance(message, StructuredMessage)
    assert message.model_dump()["content"] == {"mood": "good", "score": 7}
    assert message.to_text() == "good!"
    assert StructuredMessage[Mood] in agent.produced_message_types
    assert server.requests[0]["response_format"]["json_schema"]["name"] == "Mood"


async def test_a_value_after_tools_is_the_reflection_by_default() -> None:
    script = [calls(("add", '{"a": 6}')), Says('{"mood": "good", "score": 7}')]
    async with ModelServer(script) as server:
        result = await run(assistant(server, tools=[add], output_content_type=Mood))
    message = result.messages[-1]
    assert message == StructuredMessage[Mood](
        id=message.id, created_at=message.created_at, source="a",
        content=Mood(mood="good", score=7), models_usage=RequestUsage(10, 5),
    )  # fmt: skip


@pytest.mark.parametrize("said", ["", "good", '{"mood": "good"}', '{"mood": '])
async def test_an_answer_that_is_no_such_value_is_a_clear_error(said: str) -> None:
    async with ModelServer([said]) as server:
        agent = assistant(server, output_content_type=Mood)
        with pytest.raises(BackendCrashed, match="'a' was to answer with a Mood"):
            await run(agent)


async def test_an_empty_answer_is_a_message() -> None:
    async with ModelServer([Says(""), Says("")]) as server:
        assert (await run(assistant(server))).messages[-1].to_text() == ""
        assert (await run(assistant(server, tools=[add]))).messages[-1].to_text() == ""


@both_ways
async def test_a_handoff_carries_what_the_other_tools_gave(stream: bool) -> None:
    script = [calls(("add", '{"a": 1}'), ("transfer_to_bob", '{"why": "he knows"}'))]
    async with ModelServer(script) as server:
        agent = assistant(server, stream, tools=[add], handoffs=["bob"], max_tool_iterations=3)
        message = (await run(agent)).messages[-1]
    assert isinstance(message, HandoffMessage)
    assert message.target == "bob"
    assert message.content.startswith("Transferred to bob")
    call, outcome = message.context
    assert "add" in str(call.content)
    assert "transfer" not in str(call.content)
    assert "content='2'" in str(outcome.content)


async def test_of_two_handoffs_the_first_counts_and_the_second_is_an_error() -> None:
    script = [calls(("transfer_to_bob", "{}"), ("transfer_to_eve", "{}"))]
    async with ModelServer(script) as server:
        result = await run(assistant(server, handoffs=["bob", Handoff(target="eve")]))
    message = result.messages[-1]
    assert isinstance(message, HandoffMessage)
    assert message.target == "bob"
    assert [one.is_error for one in results_of(result)] == [False, True]
    assert "handed to bob already" in results_of(result)[1].content


async def test_a_handoff_to_nobody_is_an_error_result() -> None:
    async with ModelServer([calls(("transfer_to_nobody", "{}"))]) as server:
        result = await run(assistant(server, handoffs=["bob"]))
    assert isinstance(result.messages[-1], ToolCallSummaryMessage)
    assert results_of(result)[0].is_error


async def test_10_a_memory_does_not_grow_the_prompt() -> None:
    """AutoGen adds one more system message each turn."""
    memory = ListMemory()
    await memory.add(MemoryContent(content="The user is Ada.", mime_type=MemoryMimeType.TEXT))
    async with ModelServer(["1", "2", "3"]) as server:
        agent = assistant(server, memory=(memory,), system_message=None)
        for task in ("a", "b"):
            result = await run(agent, task)
        await memory.add(MemoryContent(content="She is a poet.", mime_type="text/plain"))
        saved = json.loads(json.dumps(await agent.save_state()))
        second = assistant(server, memory=[ListMemory()], system_message=None)
        await second.load_state(saved)
        await run(second, "c")
    assert isinstance(result.messages[1], MemoryQueryEvent)
    systems = [
        [m["content"] for m in request["messages"] if m["role"] == "system"]
        for request in server.requests
    ]
    assert [len(messages) for messages in systems] == [1, 1, 1]
    assert "1. The user is Ada.\n2. She is a poet." in systems[-1][0]
    assert server.requests[-1]["messages"][-1]["role"] == "system"


async def test_a_turn_that_failed_leaves_a_memory_as_it_was() -> None:
    memory = ListMemory(memory_contents=[MemoryContent(content="x", mime_type="text/plain")])
    agent = replayed("1", memory=[memory], system_message=None)
    await run(agent)
    before = (await agent.save_state())["llm_context"]
    await memory.add(MemoryContent(content="y", mime_type="text/plain"))
    with pytest.raises(UsageError, match="No more mock responses"):
        await run(agent)
    assert (await agent.save_state())["llm_context"] == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tools": [add], "workbench": StaticWorkbench([])}, "not both"),
        ({"tools": [add, add]}, "the name add"),
        ({"handoffs": ["b", "b"]}, "the name transfer_to_b"),
        ({"tools": [add], "handoffs": [Handoff(target="b", name="add")]}, "the name add"),
        ({"tools": [1]}, "BaseTool or a function"),
        ({"workbench": [1]}, "takes a Workbench"),
        ({"memory": ListMemory()}, "put this one into a list"),
        ({"memory": [1]}, "not of 1"),
        ({"max_tool_iterations": 0}, "at least 1"),
        ({"tool_call_summary_format": "{reslt}"}, "cannot be filled in"),
        ({"output_content_type_format": "{x}"}, "needs an output_content_type"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        replayed(**options)


def test_a_model_that_cannot_call_gets_no_tools() -> None:
    with pytest.raises(UsageError, match="cannot call functions"):
        AssistantAgent("a", ReplayChatCompletionClient([]), tools=[add])
    with pytest.raises(UsageError, match="identifier"):
        Handoff(target="b", name="to b")


async def test_names_that_clash_between_workbenches_are_an_error_of_the_turn() -> None:
    agent = replayed("x", workbench=[Broken(), Broken()])
    with pytest.raises(UsageError, match="the name f"):
        await run(agent)


class Stuck(Broken):
    """A workbench that does not even say what it has."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def list_tools(self) -> list[ToolSchema]:
        self.asked.set()
        await asyncio.Event().wait()
        return []


async def test_a_workbench_that_hangs_does_not_keep_the_turn() -> None:
    bench, token = Stuck(), CancellationToken()
    agent = replayed("x", workbench=bench)
    messages = [TextMessage(content="go", source="user")]
    async with asyncio.timeout(30):
        turn = asyncio.create_task(agent.on_messages(messages, token))
        await bench.asked.wait()
        token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn


class Tally(BaseToolWithState[Nothing, int, Tallied]):
    """Counts its calls."""

    def __init__(self) -> None:
        super().__init__(Nothing, int, Tallied, "tally", "Count.")
        self.calls = 0

    async def run(self, args: Nothing, cancellation_token: CancellationToken) -> int:
        self.calls += 1
        return self.calls

    def save_state(self) -> Tallied:
        return Tallied(calls=self.calls)

    def load_state(self, state: Tallied) -> None:
        self.calls = state.calls


async def test_what_tools_and_memories_know_is_saved_with_the_agent() -> None:
    content = MemoryContent(content=b"\xff", mime_type=MemoryMimeType.BINARY)
    first = replayed(
        [FunctionCall("1", "{}", "tally")],
        tools=[Tally()],
        memory=[ListMemory(memory_contents=[content])],
    )
    await run(first)
    memory = ListMemory()
    second = replayed([FunctionCall("1", "{}", "tally")], tools=[Tally()], memory=[memory])
    await second.load_state(json.loads(json.dumps(await first.save_state())))
    assert memory.content == [content]
    assert (await run(second)).messages[-1].to_text() == "2"
    # AutoGen's state knows nothing of either.
    await second.load_state({"type": "AssistantAgentState", "version": "1.0.0"})


class Echo(BaseChatAgent):
    """Says what it heard, of whatever type."""

    @property
    def produced_message_types(self) -> Sequence[type[TextMessage]]:
        return (TextMessage,)

    async def on_messages(
        self, messages: Sequence[Any], cancellation_token: CancellationToken
    ) -> Response:
        text = " ".join(message.to_text() for message in messages)
        return Response(chat_message=TextMessage(content=text, source=self.name))

    async def on_reset(self, cancellation_token: CancellationToken) -> None: ...


async def test_a_summary_of_tools_reaches_the_next_agent() -> None:
    summary = (await run(replayed([FunctionCall("1", '{"a": 1}', "add")], tools=[add]))).messages
    last = summary[-1]
    assert isinstance(last, ToolCallSummaryMessage)
    result = await Echo("echo", "Echoes.").run(task=last)
    assert result.messages[-1].to_text() == "2"

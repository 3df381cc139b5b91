"""Break, cancel, wait_for and the token stop a team at once, whatever it is doing."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from sandcrew.agents import (
    ApprovalRequest,
    ApprovalResponse,
    AssistantAgent,
    CodeExecutorAgent,
    MaxMessageTermination,
    RoundRobinGroupChat,
    SocietyOfMindAgent,
    UserProxyAgent,
)
from sandcrew.agents.messages import (
    ApprovalRequestEvent,
    CodeOutputEvent,
    ModelClientStreamingChunkEvent,
    TextMessage,
    UserInputRequestedEvent,
)
from sandcrew.agents.models import OpenAIChatCompletionClient, ReplayChatCompletionClient
from sandcrew.agents.runtime import CancellationToken
from sandcrew.agents.tools import TeamTool
from sandcrew.executors import SandboxCodeExecutor

from .conftest import process_is_gone
from .crew import Waits
from .model_server import Hangs, ModelServer, Says

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from sandcrew.agents import ChatAgent, Response
    from sandcrew.agents.messages import BaseAgentEvent, BaseChatMessage
    from sandcrew.executors import CodeExecutor, LocalCommandLineCodeExecutor

    Busy = Callable[[], Awaitable[object]]
    Stop = Callable[[RoundRobinGroupChat, Busy], Awaitable[None]]
    Turn = AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]

pytestmark = pytest.mark.filterwarnings("ignore:LocalCommandLineCodeExecutor")

ENDLESS = """```python
import os, time
os.write(1, b"%d\\n" % os.getpid())
time.sleep(3600)
```"""


async def by_task_cancel(team: RoundRobinGroupChat, busy: Busy) -> None:
    running = asyncio.create_task(team.run(task="go"))
    await busy()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def by_token(team: RoundRobinGroupChat, busy: Busy) -> None:
    token = CancellationToken()
    running = asyncio.create_task(team.run(task="go", cancellation_token=token))
    await busy()
    token.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def by_token_from_a_thread(team: RoundRobinGroupChat, busy: Busy) -> None:
    token = CancellationToken()
    running = asyncio.create_task(team.run(task="go", cancellation_token=token))
    await busy()
    await asyncio.to_thread(token.cancel)
    with pytest.raises(asyncio.CancelledError):
        await running


async def by_wait_for(team: RoundRobinGroupChat, busy: Busy) -> None:
    # The time limit is moved to now when the team is busy, so that no clock decides the test.
    async def run(limit: asyncio.Timeout) -> None:
        async def end() -> None:
            await busy()
            limit.reschedule(asyncio.get_running_loop().time())

        ending = asyncio.create_task(end())
        async with limit:
            await team.run(task="go")
        await ending

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run(asyncio.timeout(None)), 30)


every_way = pytest.mark.parametrize(
    "stop", [by_task_cancel, by_token, by_token_from_a_thread, by_wait_for]
)


@every_way
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_while_the_model_answers(stop: Stop, stream: bool) -> None:
    async with ModelServer([Hangs("Well, "), "Once more."]) as server, asyncio.timeout(30):
        client = OpenAIChatCompletionClient(model="m", base_url=server.url, api_key="k")
        coder = AssistantAgent("coder", client, model_client_stream=stream)
        team = RoundRobinGroupChat([coder], max_turns=1)
        await stop(team, server.hanging.wait)
        await server.left.wait()
        assert len(server.requests) == 1
        result = await team.run()
    assert [message.to_text() for message in result.messages] == ["Once more."]
    asked = [message["content"] for message in server.requests[1]["messages"]]
    assert asked[1:] == ["go"], "the interrupted turn left nothing in the context"


@every_way
async def test_while_code_runs(stop: Stop, executor: LocalCommandLineCodeExecutor) -> None:
    model = ReplayChatCompletionClient([ENDLESS, "never"])
    async with executor, asyncio.timeout(30):
        runner = Watched("runner", executor)
        team = RoundRobinGroupChat([AssistantAgent("coder", model), runner])
        await stop(team, runner.pid)
        await process_is_gone(await runner.pid())
    assert len(model.create_calls) == 1


@every_way
async def test_while_code_runs_in_the_sandbox(stop: Stop) -> None:
    counts = "import time\nwhile True:\n    open('n', 'a').write('x')\n    time.sleep(0.001)\n"
    begin = "open('n', 'w').write('x')\nprint('go', flush=True)\n"
    model = ReplayChatCompletionClient([f"```python\n{begin}{counts}```"])
    async with SandboxCodeExecutor() as executor, asyncio.timeout(30):
        runner = Watched("runner", executor)
        team = RoundRobinGroupChat([AssistantAgent("coder", model), runner])
        await stop(team, runner.running)
        counted = len(await executor.read_file("n"))
        await asyncio.sleep(0.1)
        assert len(await executor.read_file("n")) == counted, "nothing counts any more"


@every_way
async def test_while_tools_run(stop: Stop) -> None:
    both_wait, gave_up = asyncio.Barrier(2), list[str]()
    waiting = asyncio.Event()

    async def tool(name: str) -> str:
        """Wait."""
        await both_wait.wait()
        waiting.set()
        try:
            return await asyncio.Future[str]()
        finally:
            gave_up.append(name)

    calls = tuple((f"c{n}", "tool", f'{{"name": "{n}"}}') for n in (1, 2))
    async with ModelServer([Says("", tool_calls=calls), "Once more."]) as server:
        client = OpenAIChatCompletionClient(model="gpt-4o", base_url=server.url, api_key="k")
        team = RoundRobinGroupChat([AssistantAgent("a", client, tools=[tool])], max_turns=1)
        async with asyncio.timeout(30):
            await stop(team, waiting.wait)
            assert sorted(gave_up) == ["1", "2"]
            result = await team.run()
    assert [message.to_text() for message in result.messages] == ["Once more."]


@every_way
@pytest.mark.parametrize("where", ["a team inside", "behind an agent", "a tool"])
async def test_while_somebody_further_inside_waits(stop: Stop, where: str) -> None:
    inside = Waits("inside")
    inner = RoundRobinGroupChat([inside])
    call = Says("", tool_calls=(("c1", "crew", '{"task": "go"}'),))
    async with ModelServer([call]) as server, asyncio.timeout(30):
        client = OpenAIChatCompletionClient(model="gpt-4o", base_url=server.url, api_key="k")
        members: dict[str, ChatAgent | RoundRobinGroupChat] = {
            "a team inside": inner,
            "behind an agent": SocietyOfMindAgent("society", inner, client),
            "a tool": AssistantAgent("a", client, tools=[TeamTool(inner, "crew", "")]),
        }
        await stop(RoundRobinGroupChat([members[where]]), inside.waiting.wait)
        await inside.gave_up.wait()


@every_way
async def test_while_a_person_is_asked(stop: Stop) -> None:
    asked, given_up = asyncio.Event(), asyncio.Event()

    async def ask(prompt: str, token: CancellationToken | None) -> str:
        asked.set()
        try:
            return await asyncio.Future[str]()
        finally:
            given_up.set()

    team = RoundRobinGroupChat([UserProxyAgent("user_proxy", input_func=ask)])
    async with asyncio.timeout(30):
        await stop(team, asked.wait)
        await given_up.wait()


@every_way
@pytest.mark.parametrize("kind", ["input", "approval"])
async def test_while_a_blocking_function_of_the_user_waits(
    stop: Stop, kind: str, executor: LocalCommandLineCodeExecutor
) -> None:
    loop, called = asyncio.get_running_loop(), asyncio.Event()

    def block(_: object) -> str:
        loop.call_soon_threadsafe(called.set)
        threading.Event().wait()
        return ""

    def approve(request: ApprovalRequest) -> ApprovalResponse:
        return ApprovalResponse(approved=True, reason=block(request))

    model = ReplayChatCompletionClient([ENDLESS])
    member = (
        UserProxyAgent("member", input_func=block)
        if kind == "input"
        else CodeExecutorAgent("member", executor, approval_func=approve)
    )
    team = RoundRobinGroupChat([AssistantAgent("coder", model), member])
    async with executor, asyncio.timeout(30):
        await stop(team, called.wait)


@every_way
async def test_while_an_agent_that_knows_no_token_waits(stop: Stop) -> None:
    waiting = asyncio.Event()

    class Deaf(AssistantAgent):
        async def on_messages_stream(
            self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
        ) -> Turn:
            waiting.set()
            yield await asyncio.Future[TextMessage]()

    team = RoundRobinGroupChat([Deaf("deaf", ReplayChatCompletionClient([]))])
    async with asyncio.timeout(30):
        await stop(team, waiting.wait)


async def test_break_while_code_runs_kills_it(executor: LocalCommandLineCodeExecutor) -> None:
    pid: int | None = None
    model = ReplayChatCompletionClient([ENDLESS, "never"])
    team = RoundRobinGroupChat(
        [AssistantAgent("coder", model), CodeExecutorAgent("runner", executor)]
    )
    async with executor, asyncio.timeout(30):
        async for item in team.run_stream(task="go"):
            if isinstance(item, CodeOutputEvent):
                pid = int(item.content)
                break
        assert pid is not None
        await process_is_gone(pid)
        await team.reset()  # Waits until the loop has closed the abandoned stream.
    assert len(model.create_calls) == 1


async def test_break_while_the_model_streams_closes_the_connection() -> None:
    async with ModelServer([Hangs("Well, ")]) as server, asyncio.timeout(30):
        client = OpenAIChatCompletionClient(model="m", base_url=server.url, api_key="k")
        coder = AssistantAgent("coder", client, model_client_stream=True)
        async for item in RoundRobinGroupChat([coder]).run_stream(task="go"):
            if isinstance(item, ModelClientStreamingChunkEvent):
                break
        await server.left.wait()
        assert len(server.requests) == 1


async def test_break_between_turns_stops_all_model_calls() -> None:
    model = ReplayChatCompletionClient([str(i) for i in range(10)])
    team = RoundRobinGroupChat([AssistantAgent("a", model), AssistantAgent("b", model)])
    async for item in team.run_stream(task="go"):
        if isinstance(item, TextMessage) and item.source == "b":
            break
    await asyncio.sleep(0)
    assert len(model.create_calls) == 2


async def test_a_run_goes_on_after_a_break_where_it_stopped() -> None:
    model = ReplayChatCompletionClient([str(i) for i in range(10)])
    team = RoundRobinGroupChat(
        [AssistantAgent("a", model), AssistantAgent("b", model)],
        termination_condition=MaxMessageTermination(4),
    )
    async for item in team.run_stream(task="go"):
        if isinstance(item, TextMessage) and item.source == "a":
            break
    result = await team.run()
    said = [(message.source, message.to_text()) for message in result.messages]
    assert said == [("b", "1"), ("a", "2")]
    assert result.stop_reason == "Maximum number of messages 4 reached, current message count: 4"


@pytest.mark.parametrize("event", [UserInputRequestedEvent, ApprovalRequestEvent])
async def test_break_before_anybody_is_asked(
    event: type[object], executor: LocalCommandLineCodeExecutor
) -> None:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return ""

    def approve(request: ApprovalRequest) -> ApprovalResponse:
        asked.append(request.code)
        return ApprovalResponse(approved=True, reason="")

    model = ReplayChatCompletionClient([ENDLESS])
    team = RoundRobinGroupChat(
        [
            AssistantAgent("coder", model),
            UserProxyAgent("person", input_func=ask)
            if event is UserInputRequestedEvent
            else CodeExecutorAgent("runner", executor, approval_func=approve),
        ]
    )
    async with executor, aclosing(team.run_stream(task="go")) as items:
        async for item in items:
            if isinstance(item, event):
                break
    assert asked == []


async def test_an_outer_time_limit_is_not_confused_with_the_token() -> None:
    token = CancellationToken()
    async with ModelServer([Hangs()]) as server:
        client = OpenAIChatCompletionClient(model="m", base_url=server.url, api_key="k")
        team = RoundRobinGroupChat([AssistantAgent("coder", client)])

        async def run() -> None:
            async with asyncio.timeout(None) as limit:
                waiting = asyncio.create_task(server.hanging.wait())
                waiting.add_done_callback(lambda _: limit.reschedule(0))
                await team.run(task="go", cancellation_token=token)

        with pytest.raises(TimeoutError):
            await run()
        # The task itself is not marked as cancelled: it can go on.
        current = asyncio.current_task()
        assert current is not None
        assert current.cancelling() == 0
        assert not token.is_cancelled()


async def test_11_a_long_lived_token_keeps_nothing_of_past_turns() -> None:
    token = CancellationToken()
    model = ReplayChatCompletionClient(["one two"] * 50)
    coder = AssistantAgent("coder", model, model_client_stream=True)
    await RoundRobinGroupChat([coder], max_turns=50).run(task="go", cancellation_token=token)
    assert token._callbacks == []  # pyright: ignore[reportPrivateUsage]


class Watched(CodeExecutorAgent):
    """Tells which process its code runs in."""

    def __init__(self, name: str, executor: CodeExecutor) -> None:
        super().__init__(name, executor)
        self._started = asyncio.Event()
        self._pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def running(self) -> None:
        await self._started.wait()

    async def pid(self) -> int:
        return await asyncio.shield(self._pid)

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Turn:
        async with aclosing(super().on_messages_stream(messages, cancellation_token)) as items:
            async for item in items:
                if isinstance(item, CodeOutputEvent):  # One write, so one piece.
                    self._started.set()
                    if item.content.strip().isdigit():
                        self._pid.set_result(int(item.content))
                yield item

"""The agent that runs code: what others wrote, and what its model writes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest

from sandcrew.agents import (
    ApprovalFuncType,
    ApprovalRequest,
    ApprovalResponse,
    CodeExecutorAgent,
    TaskResult,
)
from sandcrew.agents.messages import (
    ApprovalRequestEvent,
    ApprovalResponseEvent,
    CodeExecutionEvent,
    CodeGenerationEvent,
    CodeOutputEvent,
    RetryDecisionEvent,
    TextMessage,
)
from sandcrew.agents.model_context import UnboundedChatCompletionContext
from sandcrew.agents.models import LLMMessage, ModelInfo, ReplayChatCompletionClient
from sandcrew.agents.runtime import CancellationToken
from sandcrew.executors import (
    CodeBlock,
    CodeExecutor,
    CodeResult,
    SandboxCodeExecutor,
    UsageError,
)

from .reports import printed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandcrew.executors import LocalCommandLineCodeExecutor

pytestmark = pytest.mark.filterwarnings("ignore:LocalCommandLineCodeExecutor")

CREATE = "```python\nopen('chart.png', 'wb').write(b'x' * 12)\nprint('done')\n```"
FAIL = "```python\nraise SystemExit(3)\n```"
RETRY = '{"reason": "it must not exit", "retry": true}'
GIVE_UP = '{"reason": "it is hopeless", "retry": false}'


def kinds(items: Sequence[object]) -> list[str]:
    return [type(item).__name__ for item in items]


def structured(replies: Sequence[str]) -> ReplayChatCompletionClient:
    """A model that can be held to a schema."""
    return ReplayChatCompletionClient(
        replies,
        ModelInfo(
            vision=False,
            function_calling=False,
            json_output=True,
            family="unknown",
            structured_output=True,
        ),
    )


def said(agent: CodeExecutorAgent) -> list[str]:
    """The words in the model's context."""
    context = agent.model_context
    assert isinstance(context, UnboundedChatCompletionContext)
    return [str(message.content) for message in context._messages]  # pyright: ignore[reportPrivateUsage]


async def run(agent: CodeExecutorAgent, task: str) -> TaskResult:
    return await agent.run(task=task)


async def test_everything_that_happens_is_told_and_kept(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    async with executor:
        agent = CodeExecutorAgent("runner", executor)
        items = [item async for item in agent.run_stream(task=CREATE)]
    result = items[-1]
    assert isinstance(result, TaskResult)
    told = ["TextMessage", "CodeGenerationEvent", "CodeExecutionEvent", "TextMessage"]
    assert kinds(result.messages) == told
    streamed = "".join(item.content for item in items if isinstance(item, CodeOutputEvent))
    assert streamed == "done\n"
    generated, executed = result.messages[1:3]
    assert isinstance(generated, CodeGenerationEvent)
    assert isinstance(executed, CodeExecutionEvent)
    assert generated.code_blocks[0].language == "python"
    assert executed.result.exit_code == 0
    assert [artifact.path for artifact in executed.result.artifacts] == ["chart.png"]
    answer = result.messages[-1]
    assert answer.to_text() == (
        "The script ran (exit code: 0).\n"
        "Files created or changed: chart.png (image/png, 12 bytes)\n"
        "Its output was:\n```text\ndone\n```"
    )
    assert answer.metadata == {"exit_code": "0", "relays": "output"}


@pytest.mark.parametrize(
    "fence",
    [
        "```bash\necho $((6*7))\n```",
        "```python3\nprint(6*7)\n```",
        "```py\nprint(6*7)\n```",
        "```\nimport sys\nprint(6*7)\n```",
        "```python\r\nprint(6*7)\r\n```\r\n",
        "```python title=x.py\nprint(6*7)\n```",
        "~~~python\nprint(6*7)\n~~~",
        "```python\nprint(6*7)",
        "````python\ns = '''\n```\n'''\nprint(6*7)\n````",
        "1. First\n   ```python\n   if True:\n       print(6*7)\n   ```",
    ],
)
async def test_fences_of_all_kinds_are_run(
    fence: str, executor: LocalCommandLineCodeExecutor
) -> None:
    async with executor:
        result = await run(CodeExecutorAgent("runner", executor), f"Run this:\n\n{fence}")
    assert printed(result.messages[-1].to_text()) == "42\n"


async def test_what_only_looks_like_code_is_not_run(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    text = "It printed:\n```text\n42\n```\nand\n```json\n{}\n```"
    result = await run(CodeExecutorAgent("runner", executor), text)
    assert kinds(result.messages) == ["TextMessage", "TextMessage"]
    assert result.messages[-1].to_text() == CodeExecutorAgent.NO_CODE_BLOCKS_FOUND_MESSAGE


async def test_illustrations_beside_code_do_not_disturb_it(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    text = "```yaml\na: 1\n```\n```python\nprint(1)\n```\n```rust\nfn main() {}\n```"
    async with executor:
        result = await run(CodeExecutorAgent("runner", executor), text)
    assert printed(result.messages[-1].to_text()) == "1\n"


async def test_an_unknown_language_is_a_result_the_model_can_read(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    async with executor:
        result = await run(CodeExecutorAgent("runner", executor), "```cobol\nSTOP RUN.\n```")
    assert "unknown language 'cobol'" in result.messages[-1].to_text()
    assert result.messages[-1].metadata["exit_code"] == "1"


async def test_only_the_supported_languages_run(executor: LocalCommandLineCodeExecutor) -> None:
    text = "```python\nprint(1)\n```\n```shell\necho 2\n```"
    async with executor:
        agent = CodeExecutorAgent("runner", executor, supported_languages=["sh"])
        assert printed((await run(agent, text)).messages[-1].to_text()) == "2\n"
        agent = CodeExecutorAgent("runner", executor, supported_languages=["Py"])
        assert printed((await run(agent, text)).messages[-1].to_text()) == "1\n"


async def test_only_the_given_sources_are_listened_to(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    messages = [
        TextMessage(content="```python\nprint('a')\n```", source="a"),
        TextMessage(content="```python\nprint('b')\n```", source="b"),
    ]
    async with executor:
        agent = CodeExecutorAgent("runner", executor, sources=["b"])
        result = await agent.run(task=messages)
    assert printed(result.messages[-1].to_text()) == "b\n"


async def test_a_failure_and_a_silence_are_put_into_words(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    async with executor:
        agent = CodeExecutorAgent("runner", executor)
        failed = (await run(agent, FAIL)).messages[-1]
        silent = (await run(agent, "```python\npass\n```")).messages[-1]
    assert "exit code: 3" in failed.to_text()
    assert failed.metadata["exit_code"] == "3"
    assert "produced no output" in silent.to_text()


def allow(request: ApprovalRequest) -> ApprovalResponse:
    return ApprovalResponse(approved="done" in request.code, reason="I looked at it")


async def allow_later(request: ApprovalRequest) -> ApprovalResponse:
    return allow(request)


@pytest.mark.parametrize("func", [allow, allow_later])
async def test_an_approval_is_asked_and_told(
    func: ApprovalFuncType, executor: LocalCommandLineCodeExecutor
) -> None:
    async with executor:
        agent = CodeExecutorAgent("runner", executor, approval_func=func)
        approved = await run(agent, CREATE)
        refused = await run(agent, FAIL)
    request, response = approved.messages[2:4]
    assert isinstance(request, ApprovalRequestEvent)
    assert isinstance(response, ApprovalResponseEvent)
    assert request.code_blocks[0].language == "python"
    assert (response.approved, response.reason) == (True, "I looked at it")
    assert approved.messages[-1].metadata["exit_code"] == "0"
    assert kinds(refused.messages[3:]) == [
        "ApprovalResponseEvent",
        "CodeExecutionEvent",
        "TextMessage",
    ]
    assert "not approved. Reason: I looked at it" in refused.messages[-1].to_text()


async def test_an_approval_function_that_fails_is_the_callers_to_see(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    def broken(_: ApprovalRequest) -> ApprovalResponse:
        raise ZeroDivisionError

    agent = CodeExecutorAgent("runner", executor, approval_func=broken)
    with pytest.raises(ZeroDivisionError):
        await run(agent, CREATE)


async def test_a_model_mends_its_code_without_hearing_the_task_twice(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    model = structured([FAIL, RETRY, FAIL, RETRY, CREATE, "A chart was made."])
    async with executor:
        agent = CodeExecutorAgent("solo", executor, model_client=model, max_retries_on_error=2)
        result = await run(agent, "make a chart")
    assert kinds(result.messages) == [
        "TextMessage",
        *("CodeGenerationEvent", "CodeExecutionEvent", "RetryDecisionEvent") * 2,
        *("CodeGenerationEvent", "CodeExecutionEvent"),
        "TextMessage",
    ]
    attempts = [m.retry_attempt for m in result.messages if isinstance(m, CodeGenerationEvent)]
    assert attempts == [0, 1, 2]
    assert result.messages[-1].to_text() == "A chart was made."
    assert result.messages[-1].metadata == {"exit_code": "0"}
    assert said(agent).count("make a chart") == 1
    assert result.usage == model.total_usage()
    assert [call["json_output"] is None for call in model.create_calls] == [
        True, False, True, False, True, True
    ]  # fmt: skip


async def test_a_model_may_give_up(executor: LocalCommandLineCodeExecutor) -> None:
    model = structured([FAIL, GIVE_UP, "I could not do it."])
    async with executor:
        agent = CodeExecutorAgent("solo", executor, model_client=model, max_retries_on_error=5)
        result = await run(agent, "make a chart")
    decision = result.messages[3]
    assert isinstance(decision, RetryDecisionEvent)
    assert (decision.retry, decision.reason) == (False, "it is hopeless")
    assert result.messages[-1].metadata == {"exit_code": "3"}


@pytest.mark.parametrize("decision", [f"Well: ```json\n{RETRY}\n```", "Let me try."])
async def test_a_model_without_structured_output_may_retry_too(
    decision: str, executor: LocalCommandLineCodeExecutor
) -> None:
    model = ReplayChatCompletionClient([FAIL, decision, CREATE, "Done."])
    async with executor:
        agent = CodeExecutorAgent("solo", executor, model_client=model, max_retries_on_error=1)
        result = await run(agent, "make a chart")
    assert result.messages[-1].to_text() == "Done."
    assert "JSON schema" in model.create_calls[1]["messages"][-1].content


async def test_an_answer_without_code_is_the_answer(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    agent = CodeExecutorAgent(
        "solo", executor, model_client=ReplayChatCompletionClient(["It is 42."])
    )
    result = await run(agent, "what is 6 * 7?")
    assert kinds(result.messages) == ["TextMessage", "TextMessage"]
    assert result.messages[-1].to_text() == "It is 42."


async def test_streamed_pieces_name_the_event_they_become(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    model = ReplayChatCompletionClient([CREATE, "A chart was made."])
    async with executor:
        agent = CodeExecutorAgent("solo", executor, model_client=model, model_client_stream=True)
        items = [item async for item in agent.run_stream(task="make a chart")]
    pieces: dict[str | None, str] = {}
    wholes: dict[str, str] = {}
    for item in items:
        if isinstance(item, TaskResult):
            continue
        full_id = getattr(item, "full_message_id", None)
        if full_id is not None:
            pieces[full_id] = pieces.get(full_id, "") + item.to_text()
        elif isinstance(item, CodeGenerationEvent | TextMessage) and item.source == "solo":
            wholes[item.id] = item.content
    assert pieces == wholes


async def test_13_memory_is_saved_loaded_and_cleared(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    def new_agent(*replies: str) -> CodeExecutorAgent:
        model = ReplayChatCompletionClient(replies)
        return CodeExecutorAgent("solo", executor, model_client=model)

    first = new_agent("Hello.")
    await run(first, "hi")
    second = new_agent()
    await second.load_state(await first.save_state())
    assert said(second) == ["hi", "Hello."]
    await second.on_reset(CancellationToken())
    assert said(second) == []
    with pytest.raises(UsageError, match="CodeExecutorAgentState"):
        await second.load_state({"type": "AssistantAgentState", "version": "1.0.0"})


class Plain(CodeExecutor):
    """Another's executor: confined, without streaming, without a list of languages."""

    async def execute_code_blocks(
        self, code_blocks: Sequence[CodeBlock], cancellation_token: CancellationToken | None = None
    ) -> CodeResult:
        return CodeResult(exit_code=0, output=" ".join(b.language for b in code_blocks))

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def restart(self) -> None: ...


async def test_an_executor_of_ones_own_needs_only_the_contract() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        agent = CodeExecutorAgent("runner", Plain())
    result = await run(agent, "```cobol\nSTOP RUN.\n```\n```json\n{}\n```")
    assert printed(result.messages[-1].to_text()) == "cobol\n"


def test_an_unconfined_executor_without_approval_is_warned_of(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    with pytest.warns(UserWarning, match="approval_func"):
        CodeExecutorAgent("runner", executor)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CodeExecutorAgent("runner", executor, approval_func=allow)


async def test_the_approver_is_shown_what_led_to_the_code(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    shown: list[LLMMessage] = []

    def look(request: ApprovalRequest) -> ApprovalResponse:
        shown.extend(request.context)
        return ApprovalResponse(approved=False, reason="no")

    model = ReplayChatCompletionClient([CREATE, "I was not allowed to."])
    agent = CodeExecutorAgent("solo", executor, model_client=model, approval_func=look)
    await run(agent, "make a chart")
    assert [str(message.content) for message in shown][1:] == ["make a chart"]
    assert "not approved" in said(agent)[2]


async def test_a_model_is_told_that_the_sandbox_has_no_network() -> None:
    code = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=5)"
    model = ReplayChatCompletionClient([f"```python\n{code}\n```", "There is no network."])
    async with SandboxCodeExecutor() as executor:
        agent = CodeExecutorAgent("executor", executor, model_client=model)
        await agent.run(task="fetch something")
    seen = str(model.create_calls[-1])
    assert "The sandbox says: exit code 1" in seen
    assert "there is no network here" in seen

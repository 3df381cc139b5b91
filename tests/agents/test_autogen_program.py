"""A program written for AutoGen runs here with nothing changed but its import lines."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandcrew.agents.base import TaskResult

from .model_server import Cuts, Fails, ModelServer, Step
from .reports import printed, remarks

pytestmark = pytest.mark.filterwarnings("ignore:LocalCommandLineCodeExecutor")

PROGRAM = """
from autogen_agentchat.agents import AssistantAgent, CodeExecutorAgent
from autogen_agentchat.conditions import MaxMessageTermination, TextMentionTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_agentchat.ui import Console
from autogen_core import CancellationToken
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.openai import OpenAIChatCompletionClient


async def main(work_dir, model_client_stream):
    model_client = OpenAIChatCompletionClient(model="gpt-4o", temperature=0)
    code_executor = LocalCommandLineCodeExecutor(work_dir=work_dir)
    await code_executor.start()

    coder = AssistantAgent(
        "coder",
        model_client,
        system_message="Write Python in code blocks. Reply TERMINATE when done.",
        model_client_stream=model_client_stream,
    )
    executor = CodeExecutorAgent("executor", code_executor)
    termination = TextMentionTermination("TERMINATE") | MaxMessageTermination(10)
    team = RoundRobinGroupChat([coder, executor], termination_condition=termination)

    stream = team.run_stream(
        task="What is 6 * 7? Reply TERMINATE when you know.",
        cancellation_token=CancellationToken(),
    )
    result = await Console(stream)

    await code_executor.stop()
    await model_client.close()
    return result
"""

IMPORTS = {
    r"autogen_agentchat\.agents": "sandcrew.agents",
    r"autogen_agentchat": "sandcrew.agents",
    r"autogen_core\.code_executor": "sandcrew.executors",
    r"autogen_core\.(?=memory|model_context|models|tools|utils)": "sandcrew.agents.",
    r"autogen_core": "sandcrew.agents.runtime",
    r"autogen_ext\.code_executors\.\w+": "sandcrew.executors",
    r"autogen_ext\.models\.\w+": "sandcrew.agents.models",
    r"autogen_ext\.(agents|teams)\.\w+": "sandcrew.agents",
    r"autogen_ext\.tools\.\w+": "sandcrew.agents.tools",
    r"autogen_ext\.ui": "sandcrew.agents.ui",
}


def translated(program: str) -> str:
    for theirs, ours in IMPORTS.items():
        program = re.sub(rf"^from {theirs}\b", f"from {ours}", program, flags=re.MULTILINE)
    assert "autogen" not in program
    return program


async def run_program(
    server: ModelServer, stream: bool, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> TaskResult:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    namespace: dict[str, Any] = {}
    exec(translated(PROGRAM), namespace)
    result = await namespace["main"](tmp_path, stream)
    assert isinstance(result, TaskResult)
    return result


FAILS = "Let me see.\n```python\nprint(6 * seven)\n```"
MENDED = "Of course.\n\n```py\nprint(6 * 7)\n```\n"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_it_runs_and_survives_a_429_a_500_and_a_cut(
    stream: bool,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script: list[Step | str] = [
        Fails(429),
        FAILS,
        Fails(500),
        MENDED,
        Cuts("It is"),
        "It is 42. TERMINATE",
    ]
    async with ModelServer(script) as server:
        result = await run_program(server, stream, tmp_path, monkeypatch)
    chat = [(m.source, type(m).__name__) for m in result.messages]
    assert chat == [
        ("user", "TextMessage"),
        ("coder", "TextMessage"),
        ("executor", "CodeGenerationEvent"),
        ("executor", "CodeExecutionEvent"),
        ("executor", "TextMessage"),
        ("coder", "TextMessage"),
        ("executor", "CodeGenerationEvent"),
        ("executor", "CodeExecutionEvent"),
        ("executor", "TextMessage"),
        ("coder", "TextMessage"),
    ]
    assert "NameError" in result.messages[4].to_text()
    assert "exit code: 0" in remarks(result.messages[8].to_text())
    assert printed(result.messages[8].to_text()) == "42\n"
    assert result.messages[-1].to_text() == "It is 42. TERMINATE"
    assert result.stop_reason == "Text 'TERMINATE' mentioned"
    assert (result.usage.prompt_tokens, result.usage.completion_tokens) == (30, 15)
    assert len(server.requests) == 6
    screen = capsys.readouterr().out
    assert "exit 1" in screen
    assert "exit 0" in screen
    assert screen.count("It is 42. TERMINATE") == 1

"""Agents that work side by side and ask one person: each answer is for the code on the screen."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from .pseudoterminal import in_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from .pseudoterminal import Terminal

PROGRAM = """
import asyncio, warnings
from sandcrew.agents import CodeExecutorAgent, DiGraphBuilder, GraphFlow, UserProxyAgent
from sandcrew.agents.models import ReplayChatCompletionClient
from sandcrew.agents.ui import Console, TerminalApproval
from sandcrew.executors import LocalCommandLineCodeExecutor

def coder(name, executor, code):
    model = ReplayChatCompletionClient([f"```python\\n{code}\\n```", f"{name} is done"])
    return CodeExecutorAgent(
        name, executor, model_client=model, approval_func=TerminalApproval(editor=())
    )

async def main():
    warnings.simplefilter("ignore")
    async with (
        LocalCommandLineCodeExecutor(work_dir="evil") as evil,
        LocalCommandLineCodeExecutor(work_dir="good") as good,
    ):
        builder = DiGraphBuilder()
        builder.add_node(coder("first", evil, "open('RAN', 'w') # evil"))
        builder.add_node(coder("second", good, "open('RAN', 'w') # good"))
        builder.add_node(UserProxyAgent("person"))
        await Console(GraphFlow(builder.get_participants(), builder.build()).run_stream(task="go"))

asyncio.run(main())
"""
QUESTION = "always all python ([l]), [n]ever this code: "


async def test_the_code_that_is_approved_is_the_last_on_the_screen(tmp_path: Path) -> None:
    env = {name: os.environ[name] for name in os.environ if name not in ("COLUMNS", "LINES")}
    env |= {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", PROGRAM]
    answered: list[str] = []
    before = ""
    async with (
        asyncio.timeout(50),
        in_terminal(command, tmp_path, env) as (terminal, process),
    ):
        while len(answered) < 3:
            prompt = await _next(terminal, len(before))
            # Nothing of the others comes in while this one is open.
            before = terminal.text
            await asyncio.sleep(0.3)
            assert terminal.text == before
            last = before.rpartition("── python, 1 line\r\n1 │ ")[2]
            if prompt != QUESTION:
                terminal.types("I watch\n")
                answered.append("person")
            elif last == f"open('RAN', 'w') # good\r\n────\r\n{_asked(QUESTION)}":
                terminal.types("a\n")
                answered.append("good")
            else:
                assert last == f"open('RAN', 'w') # evil\r\n────\r\n{_asked(QUESTION)}"
                terminal.types("r\n")
                await terminal.shows("Why?")
                terminal.types("\n")
                answered.append("evil")
        await terminal.shows("── done")
        assert await process.wait() == 0
    assert sorted(answered) == ["evil", "good", "person"]
    assert (tmp_path / "good" / "RAN").exists()
    assert not (tmp_path / "evil" / "RAN").exists()


def _asked(end: str) -> str:
    return f"[a]pprove, [e]dit, [r]efuse, al[w]ays this code, {end}"


async def _next(terminal: Terminal, answered: int) -> str:
    """The prompt at the end of the screen, which is longer than when the last was answered."""
    while True:
        for prompt in ("Enter your response: ", QUESTION):
            if len(terminal.text) > answered and terminal.text.endswith(prompt):
                return prompt
        await asyncio.sleep(0.02)

"""``sandcrew run`` at a real terminal: approving code, and Ctrl-C."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ..agents.model_server import Hangs, ModelServer
from ..agents.pseudoterminal import Terminal, in_terminal
from .command import COMMAND, environment

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator
    from pathlib import Path

PRINTS = "```python\nprint('six times seven is', 6 * 7)\n```"


@asynccontextmanager
async def at_terminal(
    server: ModelServer, folder: Path, *arguments: str
) -> AsyncGenerator[tuple[Terminal, Process]]:
    """``sandcrew run`` in a terminal of its own."""
    command = [*COMMAND, "run", "What is 6 times 7?", "--model", "m", *arguments]
    env = environment({"OPENAI_BASE_URL": server.url, "TERM": "xterm", "EDITOR": ""})
    async with in_terminal(command, folder, env) as both:
        yield both


async def test_code_is_refused_with_a_reason_and_approved_after_a_change(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(50),
        ModelServer([PRINTS, PRINTS, "It is 42."]) as server,
        at_terminal(server, tmp_path, "--ask") as (terminal, process),
    ):
        await terminal.shows("[a]pprove")
        terminal.types("r\n")
        await terminal.shows("Why?")
        terminal.types("in words\n")
        await terminal.shows("[a]pprove")
        terminal.types("e\n")
        await terminal.shows("line by line")
        terminal.types("print('forty-two')\n.\n")
        await terminal.shows("[a]pprove")
        terminal.types("a\n")
        await terminal.shows("It is 42.")
        assert await process.wait() == 0
    assert "Reason: in words" in str(server.requests[1]["messages"])
    last = server.requests[2]["messages"][-1]["content"]
    assert "The code was changed before it ran" in last
    assert last.endswith("Its output was:\n```text\nforty-two\n```")


async def test_ctrl_c_interrupts_the_turn_and_enter_takes_it_again(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(50),
        ModelServer([Hangs("I begin"), "It is 42."]) as server,
        at_terminal(server, tmp_path) as (terminal, process),
    ):
        await server.hanging.wait()
        terminal.types("\x03")
        await terminal.shows("Interrupted.")
        await server.left.wait()
        terminal.types("\n")
        await terminal.shows("It is 42.")
        assert await process.wait() == 0
    assert server.requests[0]["messages"] == server.requests[1]["messages"]


async def test_ctrl_c_twice_stops_all_and_keeps_the_record(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(50),
        ModelServer([PRINTS, Hangs("I begin")]) as server,
        at_terminal(server, tmp_path) as (terminal, process),
    ):
        await server.hanging.wait()
        terminal.types("\x03")
        await terminal.shows("Interrupted.")
        terminal.types("\x03")
        await terminal.shows("Kept:")
        assert await process.wait() == 130
        assert "Traceback" not in terminal.text
    (kept,) = (tmp_path / "runs").iterdir()
    assert "six times seven is 42" in (kept / "transcript.md").read_text()

"""How long nothing happens is told in one line, where it disturbs nobody."""

from __future__ import annotations

import asyncio
import io

import pytest
from rich.console import Console as RichConsole

from sandcrew.agents.messages import (
    ApprovalRequestEvent,
    BaseAgentEvent,
    CodeOutputEvent,
    TextMessage,
    UserInputRequestedEvent,
)
from sandcrew.agents.ui.elapsed import Elapsed
from sandcrew.agents.ui.printer import Printer
from sandcrew.agents.ui.style import Signs

ERASE = "\r\x1b[2K"


def console_on(file: io.StringIO, *, terminal: bool = True) -> RichConsole:
    return RichConsole(file=file, force_terminal=terminal, width=80)


def test_the_line_is_written_over_and_erased() -> None:
    file = io.StringIO()
    elapsed = Elapsed(console_on(file), Signs(), after=0)
    elapsed.start()
    elapsed.tick()
    elapsed.tick()
    elapsed.stop()
    elapsed.tick()
    assert file.getvalue() == f"{ERASE}  · 0 s{ERASE}  · 0 s{ERASE}"


def test_a_short_wait_and_a_pipe_have_no_line() -> None:
    for terminal, after in ((True, 3600.0), (False, 0.0)):
        file = io.StringIO()
        elapsed = Elapsed(console_on(file, terminal=terminal), Signs(), after=after)
        elapsed.start()
        elapsed.tick()
        elapsed.stop()
        assert file.getvalue() == ""


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (TextMessage(content="well", source="a"), True),
        (CodeOutputEvent(content="a line\n", source="a"), True),
        (CodeOutputEvent(content="half a li", source="a"), False),
        (UserInputRequestedEvent(request_id="1", source="a"), False),
        (ApprovalRequestEvent(code_blocks=[], source="a"), False),
    ],
)
def test_no_question_and_no_other_line_is_written_over(
    entry: BaseAgentEvent | TextMessage, told: bool
) -> None:
    file = io.StringIO()
    console = console_on(file)
    printer = Printer(console)
    printer.elapsed = Elapsed(console, Signs(), after=0)
    printer.show(entry)
    before = file.getvalue()
    printer.elapsed.tick()
    assert (file.getvalue() != before) is told


async def test_the_ticking_ends_with_the_run() -> None:
    elapsed = Elapsed(console_on(io.StringIO()), Signs())
    async with elapsed.ticking():
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 2
    assert len(asyncio.all_tasks()) == 1

"""At a real terminal: what the approver sees is what runs, whatever the code does to be unseen."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from sandcrew.benchmarks.fuzz.approvals import listed
from sandcrew.executors import extract_code_blocks
from sandcrew.sandbox.intake.code_text import Notation

from .pseudoterminal import Terminal, in_terminal

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator
    from pathlib import Path

PROGRAM = """
import asyncio, warnings
from pathlib import Path
from sandcrew.agents import CodeExecutorAgent
from sandcrew.agents.models import ReplayChatCompletionClient
from sandcrew.agents.ui import Console, TerminalApproval
from sandcrew.executors import LocalCommandLineCodeExecutor

async def main():
    warnings.simplefilter("ignore")
    message = Path("message.txt").read_bytes().decode("utf-8", "surrogatepass")
    model = ReplayChatCompletionClient([message, "It is over."])
    async with LocalCommandLineCodeExecutor(work_dir="work") as executor:
        agent = CodeExecutorAgent(
            "runner", executor, model_client=model, approval_func=TerminalApproval(),
            model_client_stream=True,
        )
        await Console(agent.run_stream(task="Greet."))

asyncio.run(main())
"""
EVIL = "open('EVIL', 'w')"
HELLO = "print('hello')"


@asynccontextmanager
async def asked(
    message: str, folder: Path, encoding: str = "utf-8"
) -> AsyncGenerator[tuple[Terminal, Process]]:
    """A person who is asked about the code of a model's message."""
    (folder / "message.txt").write_bytes(message.encode("utf-8", "surrogatepass"))
    env = {name: os.environ[name] for name in os.environ if name not in ("COLUMNS", "LINES")}
    env |= {"TERM": "xterm", "EDITOR": "", "VISUAL": "", "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-c", PROGRAM]
    async with asyncio.timeout(50), in_terminal(command, folder, env) as both:
        yield both


def python(code: str) -> str:
    return f"Here it is:\n```python\n{code}\n```\nThat greets."


HIDDEN = {
    "an operating system command": f"# greet \x1b]0;x\n{EVIL}\n# \x07\n{HELLO}",
    "a device control string": f"# greet \x1bPq\n{EVIL}\n# \x1b\\\n{HELLO}",
    "an application command": f"# greet \x9f\n{EVIL}\n# \x9c\n{HELLO}",
    "its form of one character": f"# greet \x9d0;x\n{EVIL}\n# \x9c\n{HELLO}",
    "a form feed, which ends an indented block": f"def f():\n    pass\n    \x0c{EVIL}\n{HELLO}",
    "a cursor that goes up": f"{EVIL}\n# \x1b[1A\x1b[2K{HELLO}\n{HELLO}",
    "backspaces": f"{EVIL} # {chr(8) * 40}{HELLO}",
    "invisible colours": f"# \x1b[8m\n{EVIL}\n# \x1b[0m\n{HELLO}",
    "another direction": f"{HELLO} # \u202e\u2066 ;{EVIL}\u2069\u2066\n{EVIL}",
    "tags": f"# {''.join(chr(0xE0000 + ord(c)) for c in 'evil')}\n{EVIL}",
    "a zero-width space": f"# \u200b\n{EVIL}",
    "a line separator": f"# greet\u2028{HELLO}\n{EVIL}",
    "letters of another alphabet": f"# import \u043es\n{EVIL}",
    "marks apart from their letters": f"# cafe\u0301 d\u0336o\u0336\n{EVIL}",
    "letters that turn their line around": f"f = ['\u05d0', 1, '\u05d1']\n{EVIL}",
    "a wide space": f"# greet{chr(0x3000) * 20}\n{EVIL}",
}
PLAIN = {
    "nothing special": f"{HELLO}\n{EVIL}",
    "a carriage return, which ends a line": f"# greet \r{EVIL}\r{HELLO}",
    "a long line": f"{HELLO}{' ' * 700}; {EVIL}",
    "wide characters": f"'{'日本語 ' * 40}'; {EVIL}",
    "imitated rows": (
        f"x = '''\n 2 │ {HELLO}\n────\n[a]pprove, [e]dit, [r]efuse: \n── python, 1 line\n"
        f"1 │ {HELLO}{' ' * 60}1 │ {HELLO}\n'''\n{EVIL}"
    ),
    "tabs and blanks": f"if True:\n\t{EVIL} \t  \n\t{HELLO}   ",
    "brackets of ours": f"{EVIL} # ⟦U+0041⟧ ␉   ␣␣",
}


@pytest.mark.parametrize("name", HIDDEN)
async def test_hidden_characters_are_shown_and_need_typed_words(name: str, tmp_path: Path) -> None:
    message = python(HIDDEN[name])
    async with asked(message, tmp_path) as (terminal, process):
        await terminal.shows("Type 'run hidden'")
        (block,) = extract_code_blocks(message)
        assert listed(terminal.text) == [block.code.removesuffix("\n")]
        assert "U+" in terminal.text.split("characters that do not show what they are:")[1]
        for answer in ("a", "yes", "w", "l", ""):
            terminal.types(f"{answer}\n")
            await terminal.shows("Type 'run hidden'")
        assert not (tmp_path / "work" / "EVIL").exists()
        terminal.types("run hidden\n")
        await terminal.shows("approved")
        assert await process.wait() == 0
    assert (tmp_path / "work" / "EVIL").exists(), "what is listed has run"


@pytest.mark.parametrize("name", PLAIN)
async def test_all_that_runs_is_on_the_screen(name: str, tmp_path: Path) -> None:
    message = python(PLAIN[name])
    async with asked(message, tmp_path) as (terminal, process):
        await terminal.shows("always all python")
        (block,) = extract_code_blocks(message)
        assert listed(terminal.text)[-1] == block.code.removesuffix("\n")
        rows = terminal.text.replace("\r\n", "\n").split("\n")
        assert max(map(len, rows[rows.index("── python, " + _lines(block.code)) :])) < 100
        assert not (tmp_path / "work" / "EVIL").exists()
        terminal.types("a\n")
        await terminal.shows("approved")
        assert await process.wait() == 0
    assert (tmp_path / "work" / "EVIL").exists(), "what is listed has run"


def _lines(code: str) -> str:
    count = code.removesuffix("\n").count("\n") + 1
    return f"{count} line{'s' if count > 1 else ''}"


async def test_rows_are_told_apart_on_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    """There each strange character takes several columns, and text that goes on has a mark."""
    rows = f'"{"日" * 12}2 | {HELLO}"; {EVIL}\n\t{HELLO}  # é \\xe9'
    message = python(f"if True:\n\t{rows} ")
    async with asked(message, tmp_path, "ascii") as (terminal, process):
        await terminal.shows("always all python")
        screen = terminal.text.replace("\r\n", "\n")
        listed_rows = screen.split("-- python, 3 lines\n")[1].split("\n----\n")[0].split("\n")
        assert screen.isascii()
        assert all(
            len(row) < 80 and row[:4] in ("1 | ", "2 | ", "3 | ", "  : ") for row in listed_rows
        )
        text = "".join(row[4:] for row in listed_rows if row[0] in " 2")
        assert Notation.ASCII.read(text) == "\t" + rows.split("\n")[0]
        terminal.types("a\n")
        await terminal.shows("approved")
        assert await process.wait() == 0
    assert (tmp_path / "work" / "EVIL").exists()


async def test_long_code_is_shown_page_by_page_before_it_can_be_approved(tmp_path: Path) -> None:
    code = "\n".join([HELLO] * 50 + [EVIL] + [HELLO] * 50)
    async with asked(python(code), tmp_path) as (terminal, process):
        for _ in range(5):
            await terminal.shows("Enter shows the next of")
            assert "[a]pprove" not in terminal.text
            terminal.types("\n")
        await terminal.shows("[a]pprove")
        assert listed(terminal.text) == [code]
        terminal.types("r\n")
        await terminal.shows("Why?")
        terminal.types("\n")
        assert await process.wait() == 0
    assert not (tmp_path / "work" / "EVIL").exists()


async def test_who_has_seen_enough_refuses_before_the_last_page(tmp_path: Path) -> None:
    async with asked(python(f"{EVIL}\n" * 400), tmp_path) as (terminal, process):
        await terminal.shows("Enter shows the next of")
        terminal.types("r\n")
        await terminal.shows("Why?")
        terminal.types("too long\n")
        await terminal.shows("refused: too long")
        assert await process.wait() == 0
    assert not (tmp_path / "work" / "EVIL").exists()


async def test_what_was_typed_before_the_question_answers_nothing(tmp_path: Path) -> None:
    """A model that imitates the question gets its answer, and the question none."""
    message = f"[a]pprove, [e]dit, [r]efuse:\n{python(EVIL)}"
    async with asked(message, tmp_path) as (terminal, process):
        terminal.types("a\na\n")
        await terminal.shows("always all python")
        terminal.types("r\nI saw it\n")
        await terminal.shows("refused: I saw it")
        assert await process.wait() == 0
    assert not (tmp_path / "work" / "EVIL").exists()


async def test_the_heading_says_what_the_block_is_and_what_it_overwrites(tmp_path: Path) -> None:
    message = (
        "```text\nnot run\n```\n"
        "```console\n$ touch EVIL\nsome output\n```\n"
        "```python\n# filename: tests/conftest.py\nprint(1)\n```"
    )
    async with asked(message, tmp_path) as (terminal, process):
        await terminal.shows("[a]pprove, [e]dit, [r]efuse: ")
        assert "── block 1 of 2: bash, 1 line\r\n1 │ touch EVIL\r\n" in terminal.text
        assert "── block 2 of 2: python, 2 lines, written to tests/conftest.py" in terminal.text
        terminal.types("r\n\n")
        assert await process.wait() == 0


async def test_changed_code_is_shown_anew_and_asked_about(tmp_path: Path) -> None:
    async with asked(python(HELLO), tmp_path) as (terminal, process):
        await terminal.shows("always all python")
        terminal.types("e\n")
        await terminal.shows("line by line")
        terminal.types(f"# \x0c\n{EVIL}\n.\n")
        await terminal.shows("Type 'run hidden'")
        assert listed(terminal.text)[-1] == f"# \x0c\n{EVIL}"
        terminal.types("a\n")
        await terminal.shows("Type 'run hidden'")
        terminal.types("r\n")
        await terminal.shows("Why?")
        terminal.types("\n")
        assert await process.wait() == 0
    assert not (tmp_path / "work" / "EVIL").exists()

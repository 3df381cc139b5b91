"""Errors show the code of the user and of the libraries it called, and nothing of ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from sandcrew.sandbox import Policy, Session

Live = Callable[..., AbstractAsyncContextManager[Session]]

OURS = ("guest", "sandcrew", "base_events", "run_until_complete", "_execute")


def frames(stderr: str) -> list[str]:
    """``file:line`` of each frame that is shown."""
    return [":".join(place) for place in re.findall(r'  File "(.+)", line (\d+)', stderr)]


async def test_a_traceback_shows_the_lines_of_the_cells_it_went_through(
    policy: Policy, live: Live
) -> None:
    async with live(policy) as session:
        await session.run("def outer():\n    inner()\n\ndef inner():\n    1 / 0  # the place")
        result = await session.run("x = 1\nouter()")
    assert result.exit_code == 1
    assert frames(result.stderr) == ["<cell 2>:2", "<cell 1>:2", "<cell 1>:5"]
    assert "    outer()\n" in result.stderr
    assert "    1 / 0  # the place\n" in result.stderr
    assert result.stderr.startswith("Traceback (most recent call last):\n  File ")
    assert result.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("code", "shown", "last"),
    [
        ("x = = 1", ["<cell 1>:1"], "SyntaxError: invalid syntax"),
        ("if True:\nx", ["<cell 1>:2"], "IndentationError: "),
        ("x = 1\nreturn x", ["<cell 1>:2"], "SyntaxError: 'return' outside function"),
        ("x = '\\ud800'\nprint(x.encode())", ["<cell 1>:2"], "UnicodeEncodeError: "),
        ("import json\njson.loads('{')", ["<cell 1>:2", "json"], "json.decoder.JSONDecodeError: "),
        ("raise BaseException('b')", ["<cell 1>:1"], "BaseException: b"),
        ("def f(): f()\nf()", ["<cell 1>:2", "<cell 1>:1"], "RecursionError: "),
        ("import nowhere", ["<cell 1>:1"], "ModuleNotFoundError: "),
        (
            "class E(Exception):\n  def __str__(self): 1/0\nraise E",
            ["<cell 1>:3"],
            "E: <exception str() failed>",
        ),
    ],
)
async def test_only_the_users_side_of_an_error_is_shown(
    code: str, shown: list[str], last: str, live: Live
) -> None:
    async with live() as session:
        result = await session.run(code)
        assert (await session.run("1")).value == 1
    assert result.exit_code == 1
    found = frames(result.stderr)
    assert all(any(part in frame for frame in found) for part in shown), result.stderr
    assert found[0] == shown[0]
    assert last in result.stderr.splitlines()[-1]
    assert not any(word in result.stderr for word in OURS), result.stderr


@pytest.mark.parametrize(
    "code",
    [
        "import asyncio\nasync def f():\n    1 / 0\nawait asyncio.sleep(0)\nawait f()",
        "import asyncio\nasync def f():\n    1 / 0\nawait asyncio.wait_for(f(), 5)",
        "try: {}['a']\nexcept KeyError as e: raise ValueError('because') from e",
        "try: {}['a']\nexcept KeyError: 1 / 0",
        "raise ExceptionGroup('two', [ValueError(1), ExceptionGroup('in', [TypeError(2)])])",
        "exec('1 / 0')",
        "sorted([1, 'a'], key=lambda x: x.y)",
        "import sys\nsys.stdout = None\n1 / 0",
    ],
)
async def test_awaited_chained_and_grouped_errors_show_nothing_of_ours(
    code: str, live: Live
) -> None:
    async with live() as session:
        stderr = (await session.run(code)).stderr
    assert "<cell 1>" in frames(stderr)[0]
    assert not any(word in stderr for word in OURS), stderr


async def test_an_interrupt_shows_where_an_awaiting_cell_was(live: Live) -> None:
    async with live(timeout=0.3) as session:
        result = await session.run(
            "import asyncio\nasync def nap():\n    await asyncio.sleep(60)\nawait nap()"
        )
        assert (await session.run("1")).value == 1
    assert frames(result.stderr)[:2] == ["<cell 1>:4", "<cell 1>:3"]
    assert not any(word in result.stderr for word in OURS), result.stderr


async def test_the_users_own_hook_gets_the_error_without_our_frames(live: Live) -> None:
    hook = """
import sys, traceback
def hook(kind, error, tb): print("hooked", kind.__name__, len(traceback.extract_tb(tb)))
sys.excepthook = hook
"""
    async with live() as session:
        await session.run(hook)
        result = await session.run("def f(): 1 / 0\nf()")
        assert (result.output, result.exit_code) == ("hooked ZeroDivisionError 2\n", 1)
        await session.run("def hook(*_): raise RuntimeError\nsys.excepthook = hook")
        result = await session.run("1 / 0")
        assert (result.output, result.exit_code) == ("ZeroDivisionError\n", 1)


async def test_the_source_of_a_cell_is_there_for_inspect(live: Live) -> None:
    async with live() as session:
        await session.run("def f(x):\n    # a comment\n    return x")
        result = await session.run("import inspect\ninspect.getsource(f)")
    assert result.value == "def f(x):\n    # a comment\n    return x\n"


async def test_sources_of_the_oldest_cells_are_forgotten(live: Live) -> None:
    async with live() as session:
        for _ in range(12):
            await session.run("'" + "x" * (2 << 20) + "';")
        kept = await session.run(
            "import linecache\nsum(e[0] for n, e in linecache.cache.items() if n[:6] == '<cell ')"
        )
    assert 1 << 20 < kept.value <= 16 << 20


async def test_an_error_without_end_is_bounded(live: Live) -> None:
    async with live() as session:
        result = await session.run("raise ValueError('x' * (100 << 20))")
        assert (result.exit_code, result.truncated) == (1, True)
        chain = "e = None\nfor i in range(5000):\n  n = ValueError(i); n.__context__ = e; e = n\n"
        result = await session.run(chain + "raise e")
        assert result.exit_code == 1
        assert (await session.run("1")).value == 1

"""Programs written for AutoGen, one of each kind in its documentation, with other import lines.

``SANDCREW_TEST_AUTOGEN=PATH``, of a Python that has autogen-agentchat 0.7.5 and
autogen-ext[openai], runs them there too, as they stand: the control that they are AutoGen's.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .model_server import ModelServer, Says
from .test_autogen_program import translated
from .test_magentic import DONE, PLANNED, ledger

if TYPE_CHECKING:
    from .model_server import Step

PROGRAMS = Path(__file__).parent / "autogen_programs"


def call(name: str, **arguments: object) -> Says:
    return Says("", tool_calls=(("c1", name, json.dumps(arguments)),))


@dataclass(frozen=True)
class Program:
    """What the model says, and the lines the program then prints."""

    script: tuple[Step | str, ...]
    prints: tuple[str, ...]


FAILS, WORKS = "```python\nprint(6 * seven)\n```", "```python\nprint(6 * 7)\n```"
RETRY = json.dumps({"reason": "a name", "retry": True})
MOOD = json.dumps({"thoughts": "says so", "response": "happy"})

RUNS = {
    "two_agents": Program(
        (FAILS, WORKS, "It is 42. TERMINATE"),
        ("END Text 'TERMINATE' mentioned It is 42. TERMINATE",),
    ),
    "group_chat": Program(
        ("Blue.", "APPROVE", "Bluer.", "APPROVE", "Blau.", "APPROVE"),
        (
            "TextMessage user A poem about the sea.",
            "TextMessage primary Blue.",
            "END Text 'APPROVE' mentioned 3",
            "AGAIN ['primary', 'critic'] Text 'APPROVE' mentioned",
            "LATER ['user', 'primary', 'critic']",
        ),
    ),
    "selector": Program(
        ("Search it.", "Search", "Found.", "I choose Analyst.", "TERMINATE"),
        ("END Text 'TERMINATE' mentioned ['user', 'PlanningAgent', 'Search', 'Analyst']",),
    ),
    "swarm": Program(
        (
            call("transfer_to_flights_refunder"),
            call("transfer_to_user"),
            call("refund_flight", flight_id="507811"),
            call("transfer_to_travel_agent"),
            "You are refunded. TERMINATE",
        ),
        ("END Text 'TERMINATE' mentioned travel_agent You are refunded. TERMINATE",),
    ),
    "human_in_the_loop": Program(
        ("The sea is blue.", "The sea is green."),
        ("END Text 'APPROVE' mentioned 2 user_proxy",),
    ),
    "code_execution": Program(
        (FAILS, RETRY, WORKS, "It is 42."), ("DIRECT 0 direct", "END [1, 0] It is 42.")
    ),
    "tools": Program(
        (
            call("web_search", query="AutoGen"),
            call("poet", task="AutoGen"),
            "Agents talk.",
            "Here you are: agents talk.",
        ),
        ("END ['Found: AutoGen.', 'Agents talk.'] Here you are: agents talk.",),
    ),
    "structured_output": Program((MOOD,), ("END happy says so",)),
    "graph": Program(
        ("Draft.", "Too short.", "Longer.", "APPROVE", "A summary."),
        ("END ['user', 'writer', 'reviewer', 'writer', 'reviewer', 'summary']",),
    ),
    "magentic_one": Program(
        (*PLANNED, ledger("Coder"), WORKS, ledger("Executor"), *DONE),
        ("END because MagenticOneOrchestrator the answer",),
    ),
    "nested": Program(
        ("Leaves.", "Short.", "More?", "Leaves fall.", "Good.", "DONE"),
        (
            "END Text 'DONE' mentioned "
            "['user', 'writer', 'critic', 'editor', 'writer', 'critic', 'editor']",
        ),
    ),
    "society_of_mind": Program(
        ("A story.", "APPROVE", "The story.", "La historia."), ("END assistant3 La historia.",)
    ),
}


def test_every_program_is_here() -> None:
    assert {path.stem for path in PROGRAMS.glob("*.txt")} == RUNS.keys()


async def printed(python: str, text: str, script: tuple[Step | str, ...]) -> list[str]:
    """The lines a program prints with this model."""
    async with ModelServer(script) as server:
        process = await asyncio.create_subprocess_exec(
            *(python, "-W", "ignore", "-c", text),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-test"},
        )
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert server.script == [], "the whole script was played"
    return [line.rstrip() for line in output.decode().splitlines()]


@pytest.mark.parametrize("name", RUNS)
async def test_only_the_import_lines_change(name: str) -> None:
    before = (PROGRAMS / f"{name}.txt").read_text()
    after = translated(before)
    lines = zip(before.splitlines(), after.splitlines(), strict=True)
    assert all(re.match("from autogen", old) for old, new in lines if old != new)
    assert set(RUNS[name].prints) <= set(await printed(sys.executable, after, RUNS[name].script))


@pytest.mark.skipif("SANDCREW_TEST_AUTOGEN" not in os.environ, reason="needs AutoGen")
@pytest.mark.timeout(300)
async def test_they_are_programs_of_autogens() -> None:
    python = os.environ["SANDCREW_TEST_AUTOGEN"]
    for name, run in RUNS.items():
        program = (PROGRAMS / f"{name}.txt").read_text()
        assert set(run.prints) <= set(await printed(python, program, run.script)), name

"""Every example, run as a user would run it, against a scripted model server."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .model_server import ModelServer, Says, Step
from .test_magentic import DONE, PLANNED, ledger

EXAMPLES = Path(__file__).parents[2] / "examples"


def call(name: str, **arguments: Any) -> Says:
    return Says("", tool_calls=(("c1", name, json.dumps(arguments)),))


@dataclass(frozen=True)
class Example:
    """What the model says, what is typed, and what then is on the terminal."""

    script: tuple[Step | str, ...]
    shows: tuple[str, ...]
    typed: str = ""


PRIMES = """```python
found = [n for n in range(2, 1000) if all(n % d for d in range(2, n))][:100]
print(sum(found))
```"""
DAYS = "```python\nprint(31 * {})\n```"
SQUARES = """```python
open("squares.txt", "w").write("\\n".join(str(n * n) for n in range(1, 11)))
print("written")
```"""
MOOD = json.dumps({"thoughts": "the sun shines", "mood": "happy"})

RUNS = {
    "two_agents": Example((PRIMES, "It is 24133. TERMINATE"), ("24133\n", "TERMINATE")),
    "code_execution": Example(
        (
            DAYS.format("days"),
            json.dumps({"reason": "a name", "retry": True}),
            DAYS.format(12),
            "There are 372.",
        ),
        ("NameError", "372"),
    ),
    "group_chat": Example(
        ("The sea is blue.", "More, please.", "The sea is deep blue.", "APPROVE"),
        ("More, please.", "APPROVE"),
    ),
    "typed_routing": Example(
        (),
        ("front_desk has read 1", "archive has read 2", "admin has read 3", "courier has read 4"),
    ),
    "selector": Example(
        (
            "planner",
            "First the heights.",
            "researcher",
            "8611 m and 330 m.",
            "analyst",
            "26 times.",
            "planner",
            "TERMINATE",
        ),
        ("8611 m", "26 times."),
    ),
    "swarm": Example(
        (
            call("transfer_to_flights_refunder"),
            call("transfer_to_user"),
            call("refund_flight", flight_id="507811"),
            call("transfer_to_travel_agent"),
            "You are refunded. TERMINATE",
        ),
        ("It is flight 507811.", "Flight 507811 refunded.", "TERMINATE"),
    ),
    "human_in_the_loop": Example(
        ("The sea is blue.", "The sea is green."),
        ("The sea is blue.", "The sea is green."),
        typed="Not blue!\nAPPROVE\n",
    ),
    "tools": Example(
        (
            call("temperature", city="Oslo"),
            call("poet", task="21 °C in Oslo"),
            "Oslo is warm,\nno harm.",
            "Here: Oslo is warm, no harm.",
        ),
        ("It is 21 °C in Oslo.", "Here: Oslo is warm, no harm."),
    ),
    "structured_output": Example((MOOD,), ("mood: happy, because the sun shines",)),
    "graph": Example(
        (
            "Draft.",
            "Checked.",
            "Checked.",
            "REVISE it",
            "Draft two.",
            "Checked.",
            "Checked.",
            "APPROVE",
            "The paragraph.",
        ),
        ("REVISE it", "Draft two.", "The paragraph."),
    ),
    "magentic_one": Example(
        (
            *PLANNED,
            ledger("Coder"),
            SQUARES,
            ledger("ComputerTerminal"),
            ledger("FileSurfer"),
            call("open_path", path="squares.txt"),
            "It ends with 100.",
            *DONE,
        ),
        ("written", "It ends with 100.", "the answer"),
    ),
    "nested": Example(
        ("Leaves fall.", "Too short.", "Longer.", "Leaves fall slowly.", "Good.", "DONE"),
        ("Leaves fall slowly.", "DONE"),
    ),
    "approval": Example(
        (
            "```python\nprint(3 * days)\n```",
            json.dumps({"reason": "a number, please", "retry": True}),
            "```python\nprint(3 * 365)\n```",
            "There are 1095.",
        ),
        ("refused: no names", "approved: A remembered rule says so.", "There are 1095."),
        typed="r\nno names\n",
    ),
    "state": Example(
        ("The sea is blue.", "Not blue!", "The sea is green.", "APPROVE"),
        ("the critic is next", "Not blue!", "The sea is green."),
    ),
    "branches": Example((), ("kept: replace", "-12.5")),
    "memory": Example(("8611 m.", "330 m.", "26 times."), ("8611 m.", "26 times.")),
    "pictures": Example((call("camera"), "Grey, darker on the left."), ("darker on the left",)),
    "society_of_mind": Example(
        ("A story.", "APPROVE", "The story.", "La historia."), ("The story.", "La historia.")
    ),
}


def test_every_example_is_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == RUNS.keys()


@pytest.mark.parametrize("name", RUNS)
async def test_the_example_runs_to_its_end(name: str, tmp_path: Path) -> None:
    example = RUNS[name]
    async with ModelServer(example.script) as server:
        environment = {
            **os.environ,
            "OPENAI_BASE_URL": server.url,
            "OPENAI_API_KEY": "sk-test",
            "COLUMNS": "200",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(EXAMPLES / f"{name}.py"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            cwd=tmp_path,
        )
        output, errors = await process.communicate(example.typed.encode())
    assert (process.returncode, errors.decode()) == (0, "")
    for text in example.shows:
        assert text in output.decode()
    assert server.script == [], "the whole script was played"

"""``sandcrew run --team``: the crews that ship, and those that files describe."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandcrew.agents.models import OpenAIChatCompletionClient, ReplayChatCompletionClient
from sandcrew.cli.crews import crew_of
from sandcrew.cli.crews.crew import Means
from sandcrew.executors import SandboxCodeExecutor, UsageError

from ..agents.model_server import ModelServer, Says
from ..agents.test_magentic import DONE, PLANNED, ledger
from .command import sandcrew
from .test_run import ANSWER, FAILS, MENDED, finished, record, sales

if TYPE_CHECKING:
    from ..agents.model_server import Step

AGAIN = json.dumps({"reason": "the file has another name", "retry": True})
TESTED = "```python\nassert 40 + 2 == 42\nprint('the tests pass')\n```\n"
UNTESTED = "```python\nassert 40 + 2 == 43\n```\n"


async def test_a_solo_agent_writes_runs_mends_and_answers(tmp_path: Path) -> None:
    async with ModelServer([FAILS, AGAIN, MENDED, ANSWER]) as server:
        done = await finished(
            server, tmp_path, "Add", "--file", sales(tmp_path), "--model", "m", "--team", "solo"
        )
    assert (done.code, done.stderr) == (0, "")
    assert (record(tmp_path) / "files" / "sum.txt").read_text() == "42"
    transcript = (record(tmp_path) / "transcript.md").read_text()
    for said in ("Let me see.", "The name was wrong.", ANSWER, "FileNotFoundError"):
        assert transcript.count(said) == 1, said


async def test_a_solo_agent_that_gives_up_has_not_solved_it(tmp_path: Path) -> None:
    gives_up = json.dumps({"reason": "no such file", "retry": False})
    async with ModelServer([FAILS, gives_up, "It cannot be done."]) as server:
        done = await finished(server, tmp_path, "Add", "--model", "m", "--team", "solo")
    assert done.code == 1


async def test_a_reviewer_lets_pass_only_what_ran_well(tmp_path: Path) -> None:
    script = (
        *(UNTESTED, "Fine by me.\nAPPROVE"),
        *(TESTED, "The 43 is gone, but say what you add."),
        *(TESTED, "The sum is 42.\n\n**APPROVE**"),
    )
    async with ModelServer(script) as server:
        done = await finished(server, tmp_path, "Add", "--model", "m", "--team", "review")
    assert (done.code, done.stderr) == (0, "")
    assert len(server.requests) == 6
    assert "AssertionError" in str(server.requests[1]["messages"])
    assert "approved, and the tests pass" in done.stdout


async def test_an_orchestrator_leads_the_crew_and_answers(tmp_path: Path) -> None:
    script = (*PLANNED, ledger("Coder"), TESTED, ledger("ComputerTerminal"), *DONE)
    async with ModelServer(script) as server:
        done = await finished(server, tmp_path, "Add", "--model", "m", "--team", "magentic")
    assert (done.code, done.stderr) == (0, "")
    assert "the answer" in (record(tmp_path) / "transcript.md").read_text()


async def test_an_orchestrator_out_of_turns_has_not_solved_it(tmp_path: Path) -> None:
    script = (*PLANNED, ledger("Coder"), TESTED, "I do not know.")
    async with ModelServer(script) as server:
        done = await finished(
            server, tmp_path, "Add", "--model", "m", "--team", "magentic", "--max-turns", "1"
        )
    assert done.code == 1


DESK = """
routing = "round_robin"

[models.strict]
model = "m-large"
temperature = 0

[[agents]]
name = "writer"
instructions = "You write programs."

[[agents]]
name = "terminal"
kind = "executor"
sources = ["writer"]

[[agents]]
name = "critic"
model = "strict"
instructions = "You say DONE or what is wrong."

[termination]
seconds = 600
all = [{ mention = { text = "DONE", sources = ["critic"] } }, { messages = 3 }]
"""


async def test_a_file_describes_a_team(tmp_path: Path) -> None:
    (tmp_path / "desk.toml").write_text(DESK)
    async with ModelServer([TESTED, "DONE"]) as server:
        done = await finished(server, tmp_path, "Add", "--model", "m-small", "--team", "desk.toml")
    assert (done.code, done.stderr) == (0, "")
    assert "the tests pass" in done.stdout
    assert [request["model"] for request in server.requests] == ["m-small", "m-large"]
    assert server.requests[1]["temperature"] == 0
    first = server.requests[0]["messages"][0]["content"]
    assert first.startswith("You write programs.")


SWARM = """
routing = "swarm"
[[agents]]
name = "front"
handoffs = ["back"]
[[agents]]
name = "back"
kind = "coder"
retries = 0
[termination]
answered = "back"
"""
SELECTOR = """
routing = "selector"
model = "chooser"
[models.chooser]
model = "m-chooser"
[[agents]]
name = "one"
[[agents]]
name = "two"
[termination]
messages = 2
"""


async def solved(text: str, folder: Path, script: list[Step | str]) -> tuple[bool, list[str]]:
    """Whether the team of a file solves its task, and the models it asked."""
    path = folder / "team.toml"
    path.write_text(text)
    async with ModelServer(script) as server, SandboxCodeExecutor() as executor:

        def client(**options: Any) -> OpenAIChatCompletionClient:
            options.setdefault("model", "m")
            return OpenAIChatCompletionClient(base_url=server.url, api_key="k", **options)

        crew = crew_of(str(path))(Means(client, executor, max_turns=4))
        result = await crew.team.run(task="Add")
    return crew.solved(result), [request["model"] for request in server.requests]


async def test_a_swarm_and_a_selector_can_be_described_too(tmp_path: Path) -> None:
    hand_over = Says("", tool_calls=(("c1", "transfer_to_back", "{}"),))
    assert await solved(SWARM, tmp_path, [hand_over, TESTED, ANSWER]) == (True, ["m"] * 3)
    assert await solved(SELECTOR, tmp_path, ["two", "Two."]) == (True, ["m-chooser", "m"])


async def test_the_example_is_a_team(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "examples" / "newsroom.toml").read_text()
    script: list[Step | str] = ["analyst", TESTED, "It is 42.", "All is well. DONE"]
    asked = ["gpt-5-mini", "m", "m", "m"]
    assert await solved(text, tmp_path, script) == (True, asked)


async def test_a_team_of_a_file_that_runs_out_of_turns_has_not_solved_it(tmp_path: Path) -> None:
    assert not (await solved(DESK, tmp_path, [TESTED, "no", TESTED]))[0]


BAD = {
    "no TOML": ("routing = ", "not TOML"),
    "binary": ("\x00", "not TOML"),
    "empty": ("", "agents"),
    "nobody": ("agents = []", "agents"),
    "an unknown key": ('[[agents]]\nname = "a"\ntools = ["os:system"]', "tools"),
    "a module": ('provider = "os.system"\n[[agents]]\nname = "a"', "provider"),
    "an unknown routing": ('routing = "os:system"\n[[agents]]\nname = "a"', "routing"),
    "a server": (
        '[models.x]\nmodel = "m"\nbase_url = "http://evil"\n[[agents]]\nname = "a"',
        "base",
    ),
    "an unknown model": ('[[agents]]\nname = "a"\nmodel = "x"', "model 'x'"),
    "an unknown source": (
        '[[agents]]\nname = "a"\nkind = "executor"\nsources = ["b"]',
        "agent 'b'",
    ),
    "an impossible name": ('[[agents]]\nname = "a b"', "identifier"),
    "a name twice": ('[[agents]]\nname = "a"\n[[agents]]\nname = "a"', "'a'"),
    "no end": ('[[agents]]\nname = "a"\n[termination]', "termination"),
    "an end by a stranger": ('[[agents]]\nname = "a"\n[termination]\nanswered = "b"', "agent 'b'"),
    "a key of another kind": ('[[agents]]\nname = "a"\nretries = 2', "retries"),
    "a key of another routing": ('admin = "a"\n[[agents]]\nname = "a"', "admin"),
    "a wrong type": ('max_turns = "many"\n[[agents]]\nname = "a"', "max_turns"),
}


def means() -> Means:
    def client(**options: object) -> ReplayChatCompletionClient:
        return ReplayChatCompletionClient([])

    return Means(client, SandboxCodeExecutor(), 9)


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_describes_no_team_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    text, complaint = BAD[case]
    path = tmp_path / "team.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as refusal:
        crew_of(str(path))(means())
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_only_looks_like_a_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "team.toml")
    with pytest.raises(UsageError, match="no file"):
        crew_of(str(tmp_path / "team.toml"))


@pytest.mark.parametrize("team", ["os:system", "nowhere.toml", "/etc/shadow", "."])
def test_a_team_that_is_none_is_refused(team: str) -> None:
    with pytest.raises(UsageError, match=team):
        crew_of(team)


def test_the_command_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "team.toml").write_text("agents = []")
    for team in ("orchestra", "team.toml"):
        env = {"OPENAI_API_KEY": "none"}
        done = sandcrew("run", "x", "--team", team, cwd=tmp_path, env=env)
        assert done.code == 2
        assert team in done.complaint
    assert [path.name for path in tmp_path.iterdir()] == ["team.toml"]

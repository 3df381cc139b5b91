"""The crew of Magentic-One: file surfer, coder, terminal."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from sandcrew.agents import FileSurfer, MagenticOne, MagenticOneCoderAgent
from sandcrew.agents.messages import ToolCallExecutionEvent
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.executors import SandboxCodeExecutor, UsageError

from .crew import model, said, speakers
from .model_server import ModelServer, Says
from .test_magentic import DONE, PLANNED, ledger

if TYPE_CHECKING:
    from pathlib import Path

    from .model_server import Step


def client(server: ModelServer) -> OpenAIChatCompletionClient:
    return OpenAIChatCompletionClient(model="gpt-4o", base_url=server.url, api_key="k")


def calls(name: str, **arguments: Any) -> Says:
    return Says("", tool_calls=(("c1", name, json.dumps(arguments)),))


async def what_it_sees(where: Path, name: str, **arguments: Any) -> str:
    async with ModelServer([calls(name, **arguments), "I see."]) as server:
        surfer = FileSurfer("surfer", client(server), base_path=where)
        result = await surfer.run(task="Look")
    event = next(m for m in result.messages if isinstance(m, ToolCallExecutionEvent))
    assert result.messages[-1].to_text() == "I see."
    return event.content[0].content


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    (inside / "notes").mkdir(parents=True)
    (inside / "a.txt").write_text("One\nTwo\nthree two\n")
    (inside / "notes/long.md").write_text("line\n" * 3000 + "the end\n")
    (inside / "data.bin").write_bytes(b"\0\1\2")
    (tmp_path / "secret").write_text("two keys")
    (inside / "link").symlink_to(tmp_path / "secret")
    return inside


async def test_files_are_listed_with_their_sizes(folder: Path) -> None:
    listed = await what_it_sees(folder, "list_files")
    assert listed.splitlines() == [
        "a.txt  (18 bytes)",
        "data.bin  (3 bytes)",
        "notes/long.md  (15,008 bytes)",
    ]
    assert await what_it_sees(folder, "list_files", folder="./notes/") == (
        "notes/long.md  (15,008 bytes)"
    )


async def test_a_file_is_read_page_by_page(folder: Path) -> None:
    assert await what_it_sees(folder, "open_path", path="/workspace/a.txt") == (
        "/workspace/a.txt, page 1 of 1:\nOne\nTwo\nthree two\n"
    )
    last = await what_it_sees(folder, "open_path", path="notes/long.md", page=2)
    assert last.startswith("notes/long.md, page 2 of 2:\n")
    assert last.endswith("the end\n")
    assert "no page 3" in await what_it_sees(folder, "open_path", path="notes/long.md", page=3)


async def test_a_text_is_found_with_its_place(folder: Path) -> None:
    assert (await what_it_sees(folder, "find", text="TWO")).splitlines() == [
        "a.txt:2 (page 1): Two",
        "a.txt:3 (page 1): three two",
    ]
    assert await what_it_sees(folder, "find", text="the end", path="notes/long.md") == (
        "notes/long.md:3001 (page 2): the end"
    )
    assert "nowhere" in await what_it_sees(folder, "find", text="keys")


@pytest.mark.parametrize(
    "path",
    ["../secret", "link", "/etc/passwd", "notes/../../secret", "notes", "missing", "data.bin", ""],
)
async def test_nothing_outside_can_be_read_and_a_failure_is_told(folder: Path, path: str) -> None:
    seen = await what_it_sees(folder, "open_path", path=path)
    assert "keys" not in seen
    assert "page 1 of" not in seen


async def test_a_pipe_does_not_hang_it(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert "not a regular file" in await what_it_sees(folder, "open_path", path="pipe")


def test_a_surfer_needs_a_folder_and_a_model_that_calls_functions(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        FileSurfer("surfer", model(), base_path=tmp_path / "missing")
    with pytest.raises(UsageError, match="cannot call functions"):
        FileSurfer("surfer", model(), base_path=tmp_path)


async def test_the_crew_writes_runs_and_reads() -> None:
    program = "Here:\n```python\nopen('out.txt', 'w').write('6 * 7 is 42')\nprint('done')\n```"
    script: list[Step | str] = [
        *PLANNED,
        ledger("Coder"),
        program,
        ledger("ComputerTerminal"),
        ledger("FileSurfer"),
        calls("open_path", path="out.txt"),
        "The file says 42.",
        *DONE,
    ]
    async with (
        ModelServer(script) as server,
        SandboxCodeExecutor() as executor,
        MagenticOne(client(server), code_executor=executor) as team,
    ):
        result = await team.run(task="Compute 6 * 7 in a file")
    assert [name for name in speakers(result.messages) if "Orchestrator" not in name] == [
        "user", "Coder", "ComputerTerminal", "FileSurfer"
    ]  # fmt: skip
    read = next(m for m in result.messages if isinstance(m, ToolCallExecutionEvent))
    assert read.content[0].content.endswith("6 * 7 is 42")
    assert said(result.messages)[-1] == "the answer"


async def test_a_person_may_be_in_the_crew() -> None:
    answers = (*PLANNED, ledger("User"), *DONE)
    async with MagenticOne(model(*answers), hil_mode=True, input_func=lambda _: "42") as team:
        result = await team.run(task="Ask")
    assert "42" in said(result.messages)


async def test_the_coder_takes_the_options_of_an_assistant() -> None:
    coder = MagenticOneCoderAgent("Coder", model("hi"), description="Mine.", system_message=None)
    assert coder.description == "Mine."
    assert said((await coder.run(task="x")).messages) == ["x", "hi"]

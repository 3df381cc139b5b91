"""``sandcrew run`` against a scripted model server, through the real openai package."""

from __future__ import annotations

import asyncio
import re
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from ..agents.model_server import Fails, Hangs, ModelServer
from .command import COMMAND, Finished, environment, heed_ctrl_c, sandcrew, valid_notebook

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator
    from pathlib import Path

FAILS = "Let me see.\n```python\nprint(open('sails.csv').read())\n```\n"
MENDED = """The name was wrong.
```python
data = open('sales.csv').read()
print(data)
open('sum.txt', 'w').write(str(sum(map(int, data.split()[1:]))))
```
"""
ANSWER = "The sum is 42."
WAITS = "```python\nimport time\nprint('half way', flush=True)\ntime.sleep(600)\n```\n"


@asynccontextmanager
async def running(
    server: ModelServer, folder: Path, *arguments: str
) -> AsyncGenerator[Process, None]:
    """``sandcrew run`` with this server, in this folder."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("run", *arguments),
        cwd=folder,
        env=environment({"OPENAI_BASE_URL": server.url}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=heed_ctrl_c,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def finished(server: ModelServer, folder: Path, *arguments: str) -> Finished:
    async with asyncio.timeout(50), running(server, folder, *arguments) as process:
        out, err = await process.communicate()
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())


def sales(folder: Path) -> str:
    (folder / "sales.csv").write_text("amount\n40\n2\n")
    return "sales.csv"


def record(folder: Path) -> Path:
    """The one folder under ``runs``."""
    (found,) = (folder / "runs").iterdir()
    return found


async def test_a_task_is_solved_on_a_file_of_the_user_and_everything_is_kept(
    tmp_path: Path,
) -> None:
    async with ModelServer([FAILS, MENDED, ANSWER]) as server:
        done = await finished(
            server, tmp_path, "Add it up, please!", "--file", sales(tmp_path), "--model", "m-7b"
        )
    assert (done.code, done.stderr) == (0, "")
    assert ANSWER in done.stdout
    kept = record(tmp_path)
    assert re.fullmatch(r"\d{8}-\d{6}-add-it-up-please", kept.name)
    assert (kept / "files" / "sum.txt").read_text() == "42"
    assert {path.name for path in kept.iterdir()} == {"files", "transcript.md", "notebook.ipynb"}
    assert f"runs/{kept.name}/files/sum.txt" in done.stdout
    assert ANSWER in (kept / "transcript.md").read_text()


async def test_the_model_is_told_the_files_and_what_came_out(tmp_path: Path) -> None:
    async with ModelServer([FAILS, MENDED, ANSWER]) as server:
        await finished(server, tmp_path, "Add", "--file", sales(tmp_path), "--model", "m-7b")
    first, second, third = [str(request["messages"]) for request in server.requests]
    assert {request["model"] for request in server.requests} == {"m-7b"}
    assert "sales.csv (12 bytes)" in first
    assert "matplotlib" in first
    assert "FileNotFoundError" in second
    assert "sum.txt" in third


async def test_the_notebook_has_each_attempt_with_what_it_printed(tmp_path: Path) -> None:
    async with ModelServer([FAILS, MENDED, ANSWER]) as server:
        await finished(server, tmp_path, "Add", "--file", sales(tmp_path), "--model", "m")
    notebook = valid_notebook(record(tmp_path) / "notebook.ipynb")
    failed, mended = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert failed.outputs[0].ename == "FileNotFoundError"
    assert mended.outputs[0].text == "amount\n40\n2\n\n"


async def test_files_of_the_user_are_copied_not_changed(tmp_path: Path) -> None:
    spoils = "```python\nopen('sales.csv', 'w').write('spoilt')\n```\n"
    async with ModelServer([spoils, "Done."]) as server:
        done = await finished(server, tmp_path, "x", "--file", sales(tmp_path), "--model", "m")
    assert done.code == 0
    assert (tmp_path / "sales.csv").read_text() == "amount\n40\n2\n"
    assert (record(tmp_path) / "files" / "sales.csv").read_text() == "spoilt"


async def test_files_the_code_names_like_ours_do_not_replace_ours(tmp_path: Path) -> None:
    forges = "```python\nopen('transcript.md', 'w').write('forged')\n```\n"
    async with ModelServer([forges, "Done."]) as server:
        await finished(server, tmp_path, "x", "--model", "m")
    kept = record(tmp_path)
    assert "Done." in (kept / "transcript.md").read_text()
    assert (kept / "files" / "transcript.md").read_text() == "forged"


async def test_pages_and_pictures_a_browser_would_obey_stay_out_of_the_notebook(
    tmp_path: Path,
) -> None:
    makes = (
        "```python\nfor name in ('a.html', 'a.svg', 'fake.png'):\n"
        "    open(name, 'w').write('<script>alert(1)</script>')\n```\n"
    )
    async with ModelServer([makes, "Done."]) as server:
        await finished(server, tmp_path, "x", "--model", "m")
    notebook = valid_notebook(record(tmp_path) / "notebook.ipynb")
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cell.outputs == []


async def test_the_number_of_turns_is_bounded(tmp_path: Path) -> None:
    async with ModelServer([FAILS] * 9) as server:
        done = await finished(server, tmp_path, "x", "--model", "m", "--max-turns", "4")
    assert done.code == 1
    assert len(server.requests) == 2
    assert (record(tmp_path) / "transcript.md").exists()


async def test_ctrl_c_while_code_runs_stops_it_and_keeps_what_there_is(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(50),
        ModelServer([WAITS]) as server,
        running(server, tmp_path, "x", "--model", "m") as process,
    ):
        assert process.stdout is not None
        for _ in ("in the code", "in its output"):
            while b"half way" not in await process.stdout.readline():
                pass
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err
    transcript = (record(tmp_path) / "transcript.md").read_text()
    assert "ran: stopped" in transcript
    assert transcript.count("half way") == 2


async def test_ctrl_c_while_the_model_thinks_stops_at_once(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(50),
        ModelServer([Hangs("I begin to")]) as server,
        running(server, tmp_path, "x", "--model", "m") as process,
    ):
        await server.hanging.wait()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err


async def test_a_model_that_fails_in_the_middle_is_one_line_and_the_rest_is_kept(
    tmp_path: Path,
) -> None:
    async with ModelServer([FAILS, Fails(400, "too long")]) as server:
        done = await finished(server, tmp_path, "x", "--model", "m")
    assert done.code == 3
    assert done.stderr.startswith("sandcrew: ")
    assert "too long" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "FileNotFoundError" in (record(tmp_path) / "transcript.md").read_text()


def test_without_a_model_it_says_in_one_line_what_to_set(tmp_path: Path) -> None:
    done = sandcrew("run", "x", cwd=tmp_path)
    assert done.code == 2
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "--model"):
        assert name in done.complaint
    assert list(tmp_path.iterdir()) == []


def test_a_server_of_ones_own_wants_the_name_of_the_model(tmp_path: Path) -> None:
    done = sandcrew("run", "x", cwd=tmp_path, env={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    assert done.code == 2
    assert "--model" in done.complaint


def test_an_unreachable_model_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    done = sandcrew(
        *("run", "x", "--model", "m"),
        cwd=tmp_path,
        env={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"},
    )
    assert done.code == 3
    assert "OPENAI_BASE_URL" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--team", "orchestra"], "pair"),
        (["--file", "nowhere.csv"], "nowhere.csv"),
        (["--file", "a/x", "--file", "b/x"], "two files"),
        (["--executor", "nonsense"], "nonsense"),
        (["--max-turns", "0"], "--max-turns"),
        (["--timeout", "-1"], "timeout"),
    ],
)
def test_a_mistake_of_the_caller_is_one_line(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").touch()
    env = {"OPENAI_API_KEY": "not a key"}
    done = sandcrew("run", "x", *arguments, cwd=tmp_path, env=env)
    assert done.code == 2
    assert complaint in done.complaint

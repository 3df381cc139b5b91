"""Class G of the attack suite: the host's own files, screens, memory and time are what is seen."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from sandcrew.benchmarks.isolation import Attack, Evidence, choose, run_suite
from sandcrew.benchmarks.isolation.evidence import SEEN_AFTERWARDS
from sandcrew.benchmarks.isolation.host_side import (
    acts,
    dangerous_names,
    drives_a_terminal,
    room_of,
    use_tools,
)
from sandcrew.benchmarks.isolation.subjects import Observed

if TYPE_CHECKING:
    from pathlib import Path

CONTROL = "no confinement"


@pytest.mark.timeout(300)
async def test_each_attack_on_the_host_works_where_the_host_has_no_care() -> None:
    attacks = choose(["G"])
    table = await run_suite([], attacks)
    failed = [c for c in table.cells.values() if c.outcome != "leaked"]
    if failed:  # on a busy machine the host may look when there is nothing to see yet
        again = await run_suite([], choose([cell.attack for cell in failed]))
        failed = [cell for cell in again.cells.values() if cell.outcome != "leaked"]
    assert [(cell.attack, cell.why) for cell in failed if not cell.why.startswith("needs")] == []


async def test_an_attack_is_tried_only_where_there_is_what_it_attacks() -> None:
    table = await run_suite(["local", "session"], choose(["G01", "G30", "G80", "G90"]))
    assert table.totals("local")["n/a"] == table.totals("session")["n/a"] == 4
    assert table.cells["G01", "local"].why == "it keeps no record"


async def test_whole_commands_run_programs_and_bring_back_what_they_print() -> None:
    """Nothing is attacked: what is asked is whether it would be seen."""
    says = Attack("A99", "says", (1,), "Says it.", Evidence.CLAIM, "reached('all')\n")
    names = ["exec-workdir", "jupyter-save", "run"]
    table = await run_suite(names, [says])
    assert {name: table.cells["A99", name].outcome for name in names} == dict.fromkeys(
        names, "leaked"
    )


def test_tools_execute_what_lies_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("all:\n\ttouch made\n")
    use_tools(tmp_path)
    assert (tmp_path / "made").exists()


def test_names_that_tools_obey_and_names_that_drive_a_terminal_are_found(tmp_path: Path) -> None:
    for name in (".git", "conftest.py", "evil.pth", "a\x1b[2J", "b\u202e", "data.csv", "x.py"):
        (tmp_path / name).touch()
    found = dangerous_names(tmp_path)
    assert found == [".git", "a\x1b[2J", "b\u202e", "conftest.py", "evil.pth"]


def test_room_is_what_files_take_and_not_what_they_say(tmp_path: Path) -> None:
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(100 << 20)
    (tmp_path / "full").write_bytes(os.urandom(1 << 20))
    os.link(tmp_path / "full", tmp_path / "again")
    assert 1 << 20 <= room_of(tmp_path) < 2 << 20


def test_a_terminal_obeys_strings_of_seven_and_of_eight_bits() -> None:
    for hostile in ("\x1b]0;x\x07", "\x1b[2J", "\x9d0;x\x9c", "\x9b2J", "\x1bPq\x1b\\"):
        assert drives_a_terminal(f"a{hostile}".encode()), repr(hostile)
    assert drives_a_terminal("plain, ünïcode: é 日本\n\t".encode()) == ""


@pytest.mark.parametrize(
    ("kind", "text", "active"),
    [
        ("text/html", "<p>plain <a href='https://a.example'>x</a></p>", False),
        ("text/html", "<img src='data:image/png;base64,AAAA'>", False),
        ("text/html", "<a href='java\tscript:alert(1)'>x</a>", True),
        ("text/html", "<p onclick='x()'>", True),
        ("text/html", "<style>p{}</style>", True),
        ("image/svg+xml", "<svg><script>x()</script></svg>", True),
        ("text/markdown", "[x](https://a.example) `javascript:`", False),
        ("text/markdown", "[x](  JavaScript:alert(1))", True),
        ("text/markdown", "[1]: data:text/html,x", True),
        ("text/latex", r"$\href{javascript:x}{y}$", True),
        ("application/javascript", "x()", True),
    ],
)
def test_what_acts_in_a_notebook_is_found(
    tmp_path: Path, kind: str, text: str, active: bool
) -> None:
    import json

    notebook = tmp_path / "n.ipynb"
    cell = {"outputs": [{"data": {kind: text}}]}
    notebook.write_text(json.dumps({"cells": [cell]}))
    assert bool(acts(notebook)) is active


@pytest.mark.parametrize(
    ("screen", "seen"),
    [
        ("x = '\N{SYMBOL FOR ESCAPE}]0;'\nprint(1)\nREACHED\n", True),
        ("x = '<1b>]0;'\r\nprint(1)\r\n", True),
        ("x = '\x1b]0;'\nprint(1)\n\x07", False),
        ("x = ']0;'\nprint(1)\n", False),
        ("x = '\N{SYMBOL FOR ESCAPE}]0;'\n", False),
    ],
)
def test_an_approver_has_seen_code_if_each_line_and_control_was_on_the_screen(
    screen: str, seen: bool
) -> None:
    answer = "```python\nx = '\x1b]0;'\nprint(1)\n```\n"
    attack = Attack("G99", "x", (1,), "X.", Evidence.UNSEEN, answer, role="answer")
    observed = Observed(output="REACHED\n", screen=screen.encode())
    found = SEEN_AFTERWARDS[Evidence.UNSEEN](attack, None, observed)  # type: ignore[arg-type]
    assert (found == "") is seen


def test_pipes_and_links_that_lead_away_are_seen_in_a_folder(tmp_path: Path) -> None:
    from sandcrew.benchmarks.isolation.bait import Bait
    from sandcrew.benchmarks.isolation.place import Place

    place = Place(tmp_path, Bait())
    place.folder.mkdir()
    os.mkfifo(place.folder / "pipe")
    (place.folder / "inside").symlink_to("pipe")
    (place.folder / "up").symlink_to("../x")
    (place.folder / "away").symlink_to("/etc")
    left = " ".join(place.left())
    assert "up ->" in left
    assert "away ->" in left
    assert stat.filemode(stat.S_IFIFO)[0] == "p"
    assert "pipe p" in left
    assert "inside" not in left

"""The table of the attack suite, as text, JSON, Markdown and a page; and its command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

from sandcrew.benchmarks.isolation import Attack, Cell, Evidence, Table, as_html, as_text
from sandcrew.benchmarks.isolation.table import Outcome

_HOSTILE = "<script>alert(1)</script>\x1b[2J\"'&"


def _attack(number: str, name: str = "an attack") -> Attack:
    return Attack(number, name, (1,), "Wants <it>.", Evidence.CLAIM, "")


def _table(outcome: Outcome = "leaked", why: str = _HOSTILE) -> Table:
    attacks = (_attack("A01"), _attack("C01", "<b>bold</b>"))
    subjects = ("no confinement", "box")
    cells = {
        (attack.number, subject): Cell(attack.number, subject, "held", "nothing")
        for attack in attacks
        for subject in subjects
    }
    cells["C01", "box"] = Cell("C01", "box", outcome, why)
    return Table(attacks, subjects, cells, {"box": True})


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [name for name, _ in attrs if name in ("src", "href")]


def test_the_page_escapes_what_attacks_printed_and_needs_nothing_from_elsewhere() -> None:
    page = as_html(_table())
    tags = _Tags()
    tags.feed(page)
    assert "script" not in tags.tags
    assert "b" in tags.tags
    assert tags.addresses == []
    assert "url(" not in page
    assert "@import" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;bold" in page
    assert "\x1b" not in page


def test_the_text_cannot_drive_a_terminal_and_has_colour_only_when_asked() -> None:
    assert "\x1b" not in as_text(_table())
    coloured = as_text(_table(), colour=True)
    assert "\x1b[1;31mleaked" in coloured
    assert "\x1b[2J" not in coloured


def test_the_text_names_every_breach_and_its_reason() -> None:
    text = as_text(_table(why="a secret of the host"))
    assert "C01 under box: a secret of the host" in text
    assert "box: 1 held, 1 leaked" in text
    assert "promises" not in as_text(_table(outcome="held"))


def test_the_json_has_every_cell_and_the_totals() -> None:
    data = json.loads(_table().to_json())
    assert data["attacks"][1]["outcomes"]["box"] == {"outcome": "leaked", "why": _HOSTILE}
    assert data["totals"]["box"] == {"A": {"held": 1}, "C": {"leaked": 1}}


def test_the_markdown_is_one_table_of_totals() -> None:
    lines = _table().to_markdown().splitlines()
    assert lines[0] == "| class | attacks | no confinement | box |"
    assert lines[-1] == "| **all** | 2 | 2 held | 1 held, 1 leaked |"


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandcrew", "bench", "isolation", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )


def test_the_command_prints_a_table_and_writes_json_and_a_page(tmp_path: Path) -> None:
    files = tmp_path / "table.json", tmp_path / "table.html"
    done = _bench(
        "--executors", "sandbox,local", "--only", "C01,E01",
        "--json", str(files[0]), "--html", str(files[1]),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "C01  environment" in done.stdout
    assert "sandbox: 2 held" in done.stdout
    assert "local: 2 leaked" in done.stdout
    assert done.stderr == ""
    assert len(json.loads(files[0].read_text())["attacks"]) == 2
    assert files[1].read_text().startswith("<!doctype html>")


def test_the_command_exits_with_1_when_what_confines_leaks() -> None:
    peer = f"plain={sys.executable} {{file}}"
    done = _bench("--executors", "", "--peer", peer, "--only", "C01")
    assert done.returncode == 1
    assert "C01 under plain" in done.stdout


def test_mistakes_on_the_command_line_are_said_before_anything_runs(tmp_path: Path) -> None:
    mistakes = {
        "--only=Z1": "Z1",
        "--executors=nothing": "nothing",
        "--executors=": "name an executor",
        "--peer=x": "NAME=COMMAND",
        f"--json={tmp_path}/none/x": "no such folder",
        "--executors=local,local": "same name",
    }
    for argument, message in mistakes.items():
        done = _bench(argument)
        assert done.returncode == 2, argument
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_json_to_standard_output_is_alone_there() -> None:
    done = _bench("--executors", "local", "--only", "C01", "--json", "-")
    assert json.loads(done.stdout)["attacks"][0]["number"] == "C01"

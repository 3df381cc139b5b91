"""``sandcrew demo``: everything it promises is on the disk, and nothing of it is made up."""

from __future__ import annotations

import base64
import csv
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

import sandcrew as package

from .command import Finished, environment, sandcrew, valid_notebook

DEMO = Path(package.__file__).parent / "demo"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Path]:
    folder = tmp_path_factory.mktemp("demo")
    return sandcrew("demo", cwd=folder), folder / "sandcrew-demo"


@pytest.fixture(scope="module")
def notebook(demo: tuple[Finished, Path]) -> Any:
    return valid_notebook(demo[1] / "notebook.ipynb")


def test_it_ends_well_and_says_where_things_are(demo: tuple[Finished, Path]) -> None:
    done, folder = demo
    assert (done.code, done.stderr) == (0, "")
    names = ["transcript.md", "notebook.ipynb", "files/co2.png"]
    assert done.stdout.split("Kept:")[1].split() == [f"sandcrew-demo/{name}" for name in names]
    kept = {path.name for path in folder.iterdir()}
    ours = {"transcript.md", "notebook.ipynb", "files"}
    assert kept == {*ours, "co2.csv"}, "the data is there too, for the notebook"


def test_the_first_attempt_fails_on_the_data_and_the_second_does_not(
    demo: tuple[Finished, Path],
) -> None:
    shown = demo[0].stdout
    assert shown.index("ValueError") < shown.index("exit 1") < shown.index("exit 0")


def test_no_recorded_program_raises_by_itself() -> None:
    for message in DEMO.glob("*.md"):
        assert not re.search(r"\braise\b|\bexit\(", message.read_text("utf-8")), message


def test_the_recorded_answer_says_what_the_program_printed(demo: tuple[Finished, Path]) -> None:
    answer = (DEMO / "3-answer.md").read_text("utf-8")
    output = demo[0].stdout.split("51 lines" if "51 lines" in demo[0].stdout else "exit 1")[1]
    numbers = re.findall(r"\d[\d,]*\.?\d*", answer.replace("CO2", "").replace("co2", ""))
    assert {"0.77", "59", "2,284"} <= {number.rstrip(".,") for number in numbers}
    program_output = output.split("exit 0")[0]
    for number in numbers:
        assert number.rstrip(".,") in program_output, number


def test_the_notebook_is_one_that_jupyter_opens(notebook: Any) -> None:
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)


def test_the_notebook_has_the_failure_and_the_chart(notebook: Any) -> None:
    failed, mended = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert (failed.execution_count, mended.execution_count) == (1, 2)
    assert [output.output_type for output in failed.outputs] == ["error"]
    assert failed.outputs[0].ename == "ValueError"
    stream, chart = mended.outputs
    assert "59 not measured" in stream.text
    assert base64.b64decode(chart.data["image/png"]).startswith(PNG)
    assert "seccomp" in mended.metadata.sandcrew.isolation


def test_the_notebook_shows_no_code_twice(notebook: Any) -> None:
    words = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert not any("```" in text for text in words)
    assert any("was measured" in text for text in words)


def test_the_notebook_runs_again_in_a_confined_kernel_to_the_same_outputs(
    demo: tuple[Finished, Path], notebook: Any, tmp_path: Path
) -> None:
    for name in ("notebook.ipynb", "co2.csv"):
        (tmp_path / name).write_bytes((demo[1] / name).read_bytes())
    done = sandcrew(
        "exec", "notebook.ipynb", "--workdir", ".", "--save", "again.ipynb", cwd=tmp_path
    )
    assert done.code == 0
    assert outputs(valid_notebook(tmp_path / "again.ipynb")) == outputs(notebook)


def outputs(notebook: Any) -> list[list[tuple[Any, ...]]]:
    """What can be seen of each cell; where an exception was raised each tells in its own way."""
    keys = ("output_type", "name", "text", "data", "ename", "evalue")
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[tuple(output.get(key) for key in keys) for output in cell.outputs] for cell in cells]


def test_the_transcript_has_all_that_was_said_and_run(demo: tuple[Finished, Path]) -> None:
    text = (demo[1] / "transcript.md").read_text("utf-8")
    for message in DEMO.glob("[0-9]-*.md"):
        said = message.read_text("utf-8").strip()
        assert "\n".join(f"> {line}" if line else ">" for line in said.split("\n")) in text
    assert text.index("exit code 1") < text.index("exit code 0") < text.index("![](files/co2.png)")


def test_the_chart_is_a_picture(demo: tuple[Finished, Path]) -> None:
    data = (demo[1] / "files" / "co2.png").read_bytes()
    width, height = (int.from_bytes(data[at : at + 4]) for at in (16, 20))
    assert data.startswith(PNG)
    assert width > 800
    assert height > 400


def test_the_data_are_what_their_description_says() -> None:
    with (DEMO / "co2.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    source = (DEMO / "SOURCE.md").read_text("utf-8")
    assert (len(rows), sum(not row["co2"] for row in rows)) == (2284, 59)
    assert "2,284 weeks, 59 of them without" in source
    assert "public domain" in source


def test_it_writes_where_it_is_told(tmp_path: Path) -> None:
    done = sandcrew("demo", "--output", tmp_path / "a" / "b")
    assert done.code == 0
    assert (tmp_path / "a" / "b" / "files" / "co2.png").exists()


@pytest.mark.parametrize("output", ["taken", "taken/deeper"])
def test_it_says_at_once_when_it_cannot_write_there(tmp_path: Path, output: str) -> None:
    (tmp_path / "taken").touch()
    done = sandcrew("demo", "--output", output, cwd=tmp_path)
    assert done.code == 2
    assert "--output" in done.stderr
    assert "── coder" not in done.stdout


def test_it_names_the_extra_that_is_missing(tmp_path: Path) -> None:
    # All that is installed here, but for one package.
    installed = Path(nbformat.__file__).parent.parent
    for entry in installed.iterdir():
        if not entry.name.startswith(("matplotlib", "mpl_toolkits")):
            (tmp_path / entry.name).symlink_to(entry)
    paths = [str(DEMO.parent.parent), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-S", "-m", "sandcrew", "demo"],
        env=environment({"PYTHONPATH": os.pathsep.join(paths)}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 3
    assert "pip install 'sandcrew[demo]'" in done.stderr
    assert done.stderr.count("\n") == 1

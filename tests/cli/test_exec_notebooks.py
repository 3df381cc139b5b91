"""``sandcrew exec --save``: a run kept as a notebook, and a notebook run in a kernel."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from .command import sandcrew

nbformat: Any = import_module("nbformat")  # it is not typed
CHART = "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.savefig('a.png'); print('drawn')"


def write(path: Path, *cells: str) -> Path:
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(made, path)
    return path


def read(path: Path) -> Any:
    done = nbformat.read(path, 4)
    nbformat.validate(done)
    return done


def test_a_notebook_is_run_cell_by_cell_and_saved_with_its_outputs(tmp_path: Path) -> None:
    source = write(tmp_path / "in.ipynb", "x = 41", "!echo shell\nx + 1", "raise SystemExit(3)")
    done = sandcrew("exec", str(source), "--save", str(tmp_path / "out.ipynb"))
    assert (done.code, done.stdout) == (3, "shell\n42\n")
    saved = read(tmp_path / "out.ipynb")
    assert [cell.id for cell in saved.cells] == [cell.id for cell in read(source).cells]
    assert saved.cells[1].outputs[-1].data["text/plain"] == "42"


def test_with_the_jupyter_executor_a_notebook_may_use_magics(tmp_path: Path) -> None:
    source = write(tmp_path / "in.ipynb", "%who_ls", "%%capture out\nprint(1)", "out.stdout")
    done = sandcrew("exec", str(source), "--executor", "jupyter", "--json")
    assert done.code == 0
    assert "1" in json.loads(done.stdout)["output"]


@pytest.mark.parametrize("executor", ["sandbox", "local"])
def test_any_run_is_kept_as_a_notebook_with_its_pictures(tmp_path: Path, executor: str) -> None:
    (tmp_path / "job.py").write_text(CHART)
    target = tmp_path / "run.ipynb"
    command = ("exec", str(tmp_path / "job.py"), "--save", str(target), "--executor", executor)
    done = sandcrew(*command)
    assert (done.code, done.stdout) == (0, "drawn\n")
    (_, cell) = read(target).cells
    assert cell.source == CHART
    assert cell.outputs[0].text == "drawn\n"
    assert cell.outputs[1].data["image/png"]


def test_the_jupyter_executor_runs_any_file(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("x = 41\nx + 1\n")
    done = sandcrew("exec", str(tmp_path / "job.py"), "--executor", "jupyter")
    assert (done.code, done.stdout) == (0, "42\n")


@pytest.mark.parametrize("target", ["out.txt", "missing/out.ipynb"])
def test_where_nothing_can_be_saved_nothing_is_run(tmp_path: Path, target: str) -> None:
    (tmp_path / "job.py").write_text("print('ran')")
    done = sandcrew("exec", str(tmp_path / "job.py"), "--save", str(tmp_path / target))
    assert (done.code, done.stdout) == (2, "")
    assert "--save" in done.stderr


def test_the_demo_s_notebook_runs_again_to_the_same_outputs(tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    assert sandcrew("demo", "--output", str(demo)).code == 0
    again = sandcrew(
        "exec",
        str(demo / "notebook.ipynb"),
        "--workdir",
        str(demo),
        "--save",
        str(demo / "2.ipynb"),
    )
    assert again.code == 0, again.stderr
    first, second = read(demo / "notebook.ipynb"), read(demo / "2.ipynb")
    for before, after in zip(first.cells, second.cells, strict=True):
        told, told_again = before.get("outputs", []), after.get("outputs", [])
        assert [output.output_type for output in told] == [out.output_type for out in told_again]
        for one, two in zip(told, told_again, strict=True):
            assert one.get("text") == two.get("text")
            assert one.get("evalue") == two.get("evalue")
            assert one.get("data") == two.get("data")

"""``sandcrew exec`` on files that hold more than a program: Markdown and notebooks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .command import sandcrew

if TYPE_CHECKING:
    from pathlib import Path

    from .command import Finished


def markdown(*blocks: tuple[str, str]) -> str:
    return "\n".join(f"```{language}\n{code}\n```" for language, code in blocks)


def notebook(*cells: str, **changes: Any) -> str:
    code: list[Any] = [{"cell_type": "code", "source": cell, "outputs": []} for cell in cells]
    words: Any = {"cell_type": "markdown", "source": "some *words*"}
    content: Any = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [words, *code]}
    return json.dumps({**content, **changes})


def run_notebook(folder: Path, text: str) -> Finished:
    file = folder / "a.ipynb"
    file.write_text(text)
    return sandcrew("exec", file)


def test_markdown_blocks_run_in_order_and_share_files(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text(
        markdown(("python", "open('x', 'w').write('from python')"), ("bash", "cat x; echo"))
    )
    done = sandcrew("exec", file)
    assert (done.code, done.stdout, done.stderr) == (0, "from python\n", "")


def test_markdown_stops_at_the_first_block_that_fails(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text(markdown(("sh", "echo 1"), ("sh", "exit 9"), ("sh", "echo 3")))
    done = sandcrew("exec", file)
    assert (done.code, done.stdout) == (9, "1\n")


def test_markdown_blocks_that_are_only_shown_are_named_and_not_run(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text(markdown(("toml", "a = 1"), ("python", "print(1)"), ("", "just text")))
    done = sandcrew("exec", file)
    assert (done.code, done.stdout) == (0, "1\n")
    assert "no language, toml" in done.stderr


def test_markdown_with_nothing_that_can_run_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text(markdown(("cobol", "STOP RUN.")))
    done = sandcrew("exec", file)
    assert done.code == 2
    assert "cobol" in done.complaint


def test_the_cells_of_a_notebook_share_their_variables(tmp_path: Path) -> None:
    done = run_notebook(tmp_path, notebook("x = 41", "", "print(x + 1)"))
    assert (done.code, done.stdout) == (0, "42\n")


def test_shell_cells_run_in_their_place(tmp_path: Path) -> None:
    cells = ["x = 1\nprint('a')", "%%bash\necho b", "!echo c", "%matplotlib inline\nprint('d', x)"]
    done = run_notebook(tmp_path, notebook(*cells))
    assert (done.code, done.stdout) == (0, "a\nb\nc\nd 1\n")


def test_a_notebook_ends_at_its_first_error(tmp_path: Path) -> None:
    done = run_notebook(tmp_path, notebook("print(1)", "1 / 0", "print(3)"))
    assert (done.code, done.stdout) == (1, "1\n")
    assert "ZeroDivisionError" in done.stderr


def test_a_notebook_of_another_language_runs_in_that_language(tmp_path: Path) -> None:
    metadata = {"kernelspec": {"name": "bash", "display_name": "Bash", "language": "bash"}}
    done = run_notebook(tmp_path, notebook("echo $((6 * 7))", metadata=metadata))
    assert (done.code, done.stdout) == (0, "42\n")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no JSON"),
        ("print(1)", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "nbformat"),
        ('{"cells": []}', "nbformat"),
        (notebook(nbformat=3), "damaged"),
        (notebook(nbformat="4"), "nbformat"),
        (notebook(cells=None), "damaged"),
        (notebook(cells=["x"]), "damaged"),
        (notebook("%timeit f()"), "timeit"),
        (notebook("%%html\n<b>"), "html"),
    ],
)
def test_a_file_that_is_no_runnable_notebook_is_one_clear_error(
    tmp_path: Path, text: str, complaint: str
) -> None:
    done = run_notebook(tmp_path, text)
    assert done.code == 2
    assert complaint in done.complaint
    assert "a.ipynb" in done.complaint

"""Any run as a notebook: sessions, executors, kernels; and a notebook as a session again."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sandcrew.executors import (
    CodeBlock,
    JupyterCodeExecutor,
    NotebookRecord,
    SandboxCodeExecutor,
    pictures_of,
)
from sandcrew.sandbox import Sandbox

nbformat: Any = import_module("nbformat")  # it is not typed

DRAW = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\n"


def read(path: Path) -> Any:
    made = nbformat.read(path, 4)
    nbformat.validate(made)
    return made


def kinds(cell: Any) -> list[str]:
    return [output.output_type for output in cell.outputs]


async def test_a_session_is_a_notebook_of_its_cells(tmp_path: Path) -> None:
    notebook = NotebookRecord("A session")
    async with Sandbox() as box, box.session() as session:
        for code in ("x = 41; print('set')", "x + 1", DRAW, "1 / 0", "x"):
            notebook.add_run(code, await session.run(code))
    notebook.save(tmp_path / "session.ipynb")
    heading, *cells = read(tmp_path / "session.ipynb").cells
    assert heading.source == "# A session"
    assert [cell.source for cell in cells][1] == "x + 1"
    assert cells[0].outputs[0].text == "set\n"
    assert cells[1].outputs[0].data["text/plain"] == "42"
    assert "image/png" in [form for output in cells[2].outputs for form in output.data]
    assert (cells[3].outputs[0].ename, kinds(cells[3])) == ("ZeroDivisionError", ["error"])
    assert cells[3].metadata["tags"] == ["raises-exception"]
    assert "seccomp" in cells[4].metadata["sandcrew"]["isolation"]
    assert cells[4].metadata["sandcrew"]["receipt"].startswith("exit code 0")


@pytest.mark.parametrize("kind", [SandboxCodeExecutor, JupyterCodeExecutor])
async def test_a_run_of_an_executor_is_a_notebook_with_the_pictures_it_wrote(
    kind: type[SandboxCodeExecutor | JupyterCodeExecutor], tmp_path: Path
) -> None:
    blocks = [CodeBlock(DRAW + "plt.savefig('chart.png'); plt.close(); print('drawn')", "python")]
    async with kind() as executor:
        result = await executor.execute_code_blocks(blocks)
        pictures = await pictures_of(result, executor.read_file)
    notebook = NotebookRecord()
    notebook.add_run(blocks, result, pictures)
    notebook.save(tmp_path / "run.ipynb")
    (cell,) = read(tmp_path / "run.ipynb").cells
    assert kinds(cell) == ["stream", "display_data"]
    assert cell.outputs[1].data["text/plain"] == "chart.png"


async def test_what_a_kernel_displayed_stands_once_and_in_its_order(tmp_path: Path) -> None:
    code = f"print('first')\n{DRAW}plt.show()\nprint('second')\n6 * 7"
    async with JupyterCodeExecutor() as executor:
        result = await executor.execute_code_blocks([CodeBlock(code, "python")])
        pictures = await pictures_of(result, executor.read_file)
    notebook = NotebookRecord()
    notebook.add_run(code, result, pictures)
    notebook.save(tmp_path / "kernel.ipynb")
    (cell,) = read(tmp_path / "kernel.ipynb").cells
    assert kinds(cell) == ["stream", "display_data", "stream", "execute_result"]

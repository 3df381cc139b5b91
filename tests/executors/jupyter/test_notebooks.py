"""Notebooks: executed confined, written back, replayed, read from older formats."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sandcrew.executors import CodeBlock, CodeResult, JupyterCodeExecutor, UsageError
from sandcrew.executors.jupyter.notebook import NotebookRun
from sandcrew.executors.notebook import blocks_from_notebook
from sandcrew.executors.notebook_record import NotebookRecord

from .conftest import SharedKernel

nbformat: Any = import_module("nbformat")  # it is not typed
V3: dict[str, Any] = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": "old"},
    "worksheets": [
        {
            "cells": [
                {"cell_type": "code", "language": "python", "input": "print(6 * 7)", "outputs": []},
                {"cell_type": "markdown", "source": "words"},
            ]
        }
    ],
}


@pytest.fixture
def fresh(kernel: SharedKernel) -> SharedKernel:
    kernel.wait(kernel.executor.restart())
    return kernel


def notebook(*cells: str, **metadata: Any) -> Any:
    made = nbformat.v4.new_notebook(metadata=metadata)
    made.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    return made


def to_bytes(made: Any) -> bytes:
    return bytes(nbformat.writes(made).encode())


def execute(kernel: SharedKernel, data: bytes) -> tuple[Any, CodeResult]:
    """The notebook as it is saved afterwards, and the result of all cells."""
    run = NotebookRun(data)

    async def work() -> list[object]:
        return [event async for event in run.stream(kernel.executor)]

    result = kernel.wait(work())[-1]
    assert isinstance(result, CodeResult)
    done = nbformat.reads(run.to_bytes().decode(), 4)
    nbformat.validate(done)
    return done, result


def test_cells_are_run_in_order_and_keep_their_ids_and_metadata(fresh: SharedKernel) -> None:
    made = notebook("x = 41", "print('hi')\nx + 1", custom={"a": [1]})
    made.cells.insert(0, nbformat.v4.new_markdown_cell("# words"))
    made.cells[2].metadata["tags"] = ["mine"]
    done, result = execute(fresh, to_bytes(made))
    assert result.exit_code == 0
    assert [cell.id for cell in done.cells] == [cell.id for cell in made.cells]
    assert done.metadata["custom"] == {"a": [1]}
    assert done.cells[2].metadata["tags"] == ["mine"]
    assert [cell.execution_count for cell in done.cells[1:]] == [1, 2]
    assert [output.output_type for output in done.cells[2].outputs] == ["stream", "execute_result"]


def test_the_metadata_of_a_cell_says_when_it_ran_and_what_was_enforced(
    fresh: SharedKernel,
) -> None:
    done, _ = execute(fresh, to_bytes(notebook("1")))
    metadata = done.cells[0].metadata
    assert set(metadata["execution"]) == {"iopub.execute_input", "shell.execute_reply"}
    assert "seccomp" in metadata["sandcrew"]["isolation"]
    assert metadata["sandcrew"]["receipt"].startswith("exit code 0")


def test_outputs_of_earlier_runs_do_not_stay(fresh: SharedKernel) -> None:
    made = notebook("1 / 0", "print('never')")
    for cell in made.cells:
        cell.outputs = [nbformat.v4.new_output("stream", text="old")]
    done, result = execute(fresh, to_bytes(made))
    assert result.exit_code == 1
    assert [output.output_type for output in done.cells[0].outputs] == ["error"]
    assert (done.cells[1].outputs, done.cells[1].execution_count) == ([], None)


def test_a_cell_that_may_fail_does_not_end_the_run(fresh: SharedKernel) -> None:
    made = notebook("1 / 0", "print('after')")
    made.cells[0].metadata["tags"] = ["raises-exception"]
    done, result = execute(fresh, to_bytes(made))
    assert result.exit_code == 0
    assert done.cells[1].outputs[0].text == "after\n"


def test_a_chart_stands_in_the_notebook_whether_it_is_shown_or_written(
    fresh: SharedKernel,
) -> None:
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\n"
    done, _ = execute(fresh, to_bytes(notebook(draw + "plt.show()", draw + "plt.savefig('a.png')")))
    assert all(cell.outputs[-1].data["image/png"] for cell in done.cells)
    assert [len(cell.outputs) for cell in done.cells] == [1, 2]


def test_markup_of_the_guest_is_saved_without_what_acts(fresh: SharedKernel) -> None:
    code = (
        "from IPython.display import *\n"
        "display(HTML('<b onclick=alert(1)>bold</b><script>alert(1)</script>'),"
        " Javascript('alert(1)'), Markdown('<img src=x onerror=alert(1)>'),"
        ' SVG(\'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><g/></svg>\'))'
    )
    done, _ = execute(fresh, to_bytes(notebook(code)))
    forms = [form for output in done.cells[0].outputs for form in output.data.values()]
    assert "<b>bold</b>" in forms
    assert not [form for form in forms if "alert" in form and not form.startswith("< img")]
    assert "javascript" not in str([list(output.data) for output in done.cells[0].outputs])


def test_a_notebook_that_is_saved_is_not_signed_as_trusted(
    fresh: SharedKernel, jupyter_home: Path
) -> None:
    done, _ = execute(fresh, to_bytes(notebook("1")))
    notary = import_module("nbformat.sign").NotebookNotary()
    assert not notary.check_signature(done)


def test_a_notebook_of_format_3_is_upgraded(fresh: SharedKernel) -> None:
    data = json.dumps(V3).encode()
    done, _ = execute(fresh, data)
    assert (done.nbformat, done.cells[0].outputs[0].text) == (4, "42\n")
    assert blocks_from_notebook(data) == [CodeBlock("print(6 * 7)", "python")]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b'{"nbformat": 4}',
        b'{"nbformat": 4, "cells": 5}',
        b'{"nbformat": 4, "cells": [5]}',
        b'{"nbformat": 99, "cells": []}',
        b'{"nbformat": "4", "cells": []}',
        b'{"nbformat": 3, "worksheets": 5}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code"}]}',
        b'{"nbformat": 4, "cells": ' + b"[" * 100_000,
    ],
)
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="notebook"):
        NotebookRun(data)


def test_a_record_of_a_run_is_run_again_to_the_same_outputs(fresh: SharedKernel) -> None:
    blocks = [
        [CodeBlock("print('one'); int('x')", "python")],
        [CodeBlock("x = 2\nprint(x)", "python"), CodeBlock("print(x + 1)", "python")],
    ]
    record = NotebookRecord()
    record.add_text("# words")
    for each in blocks:
        record.add_run(each, fresh.wait(fresh.executor.execute_code_blocks(each)))
    fresh.wait(fresh.executor.restart())
    before = nbformat.reads(record.to_bytes().decode(), 4)
    after, result = execute(fresh, record.to_bytes())
    assert result.exit_code == 0

    def told(done: Any) -> list[list[tuple[str, str]]]:
        return [
            [(output.output_type, output.get("text") or output.evalue) for output in cell.outputs]
            for cell in done.cells
            if cell.cell_type == "code"
        ]

    assert told(after) == told(before)


async def test_a_notebook_that_is_cancelled_half_way_is_valid() -> None:
    run = NotebookRun(to_bytes(notebook("print(1)", "import time; time.sleep(60)")))
    async with JupyterCodeExecutor() as executor:

        async def work() -> None:
            async for _ in run.stream(executor):
                pass

        task = asyncio.create_task(work())
        while b"print(1)" not in run.to_bytes() or b'"1\\n"' not in run.to_bytes():
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])
    nbformat.validate(nbformat.reads(run.to_bytes().decode(), 4))

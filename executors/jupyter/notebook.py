"""Executes a notebook cell by cell in a confined kernel, and writes the outputs back."""

from __future__ import annotations

import json
from contextlib import aclosing
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...sandbox.errors import MissingExtra, UsageError
from ...sandbox.intake.forms import safe_outputs
from ...sandbox.intake.names import shown_name
from ...sandbox.result import CodeResult
from ..block import CodeBlock
from ..notebook import notebook_language, parse_notebook
from ..notebook_record import MAY_FAIL, picture, pictures_of, run_facts
from .result import JupyterCodeResult
from .spec import choose_kernel

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..cancellation import CancellationToken
    from ..events import ExecutionEvent
    from .executor import JupyterCodeExecutor


class NotebookRun:
    """A notebook that is executed; what it is at any time is a valid notebook.

    Cells keep their ids and metadata; what earlier runs left of outputs goes. Outputs are made
    harmless (:mod:`~sandcrew.sandbox.intake.forms`), and the notebook is not signed, so that no
    front end trusts it.

    Raises
    ------
    UsageError
        This is no notebook.
    MissingExtra
        ``nbformat`` is not installed.
    """

    def __init__(self, data: bytes) -> None:
        try:
            # nbformat is not typed.
            self._nbformat: Any = import_module("nbformat")
        except ImportError as error:
            raise MissingExtra("jupyter", "nbformat") from error
        notebook = json.dumps(parse_notebook(data))
        try:
            self._notebook: Any = self._nbformat.reads(notebook, 4)
            self._nbformat.validate(self._notebook)
        except Exception as error:  # it raises whatever a damaged notebook makes it stumble over
            why = getattr(error, "message", None) or repr(error)
            raise UsageError(f"This notebook is damaged: {shown_name(str(why))}.") from error
        for cell in self._code_cells():
            cell.outputs, cell.execution_count = [], None

    @property
    def language(self) -> str:
        """What its cells are written in, in canonical form."""
        return notebook_language(self._notebook)

    @property
    def kernel_name(self) -> str:
        """The installed kernel for it: the one it names, or one for its language.

        Raises
        ------
        BackendUnavailable
            There is none.
        """
        named = self._notebook.metadata.get("kernelspec", {}).get("name", "")
        return choose_kernel(named, self.language)

    async def stream(
        self, executor: JupyterCodeExecutor, token: CancellationToken | None = None
    ) -> AsyncGenerator[ExecutionEvent | CodeResult, None]:
        """Run the cells in order, up to the first that fails and is not tagged to be allowed to.

        The result of all comes last. Leaving the iteration interrupts the cell that runs.

        Raises
        ------
        BackendError
            The kernel cannot be had.
        """
        result = CodeResult(exit_code=0, output="")
        language = self.language
        for cell in self._code_cells():
            if not cell.source.strip():
                continue
            began = datetime.now(UTC)
            events = executor.stream([CodeBlock(cell.source, language)], token)
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, CodeResult):
                        result = event
                    else:
                        yield event
            pictures = await self._written_pictures(executor, result)
            self._write_back(cell, result, pictures, began)
            if result.exit_code and MAY_FAIL not in cell.metadata.get("tags", ()):
                break
        yield result

    def to_bytes(self) -> bytes:
        """The notebook as a file.

        Raises
        ------
        nbformat.ValidationError
            It is not valid, which is a bug of ours.
        """
        self._nbformat.validate(self._notebook)
        return (str(self._nbformat.writes(self._notebook)) + "\n").encode("utf-8", "replace")

    def _code_cells(self) -> list[Any]:
        return [cell for cell in self._notebook.cells if cell.cell_type == "code"]

    async def _written_pictures(
        self, executor: JupyterCodeExecutor, result: CodeResult
    ) -> list[dict[str, Any]]:
        """The pictures that the cell wrote to files, as outputs; those it displayed are there."""
        written = await pictures_of(result, executor.read_file)
        return [
            {"output_type": "display_data", "data": picture(name, data), "metadata": {}}
            for name, data in written.items()
        ]

    def _write_back(
        self, cell: Any, result: CodeResult, pictures: list[dict[str, Any]], began: datetime
    ) -> None:
        node = self._nbformat.from_dict
        assert isinstance(result, JupyterCodeResult)
        outputs = [*safe_outputs(result.cell_outputs), *pictures]
        if not outputs and result.output:  # refused, without having been run
            outputs = [{"output_type": "stream", "name": "stderr", "text": result.output}]
        cell.outputs = [node(output) for output in outputs]
        cell.execution_count = result.execution_count
        # Where JupyterLab keeps them, too: its setting "record timing".
        cell.metadata["execution"] = {
            "iopub.execute_input": began.isoformat(),
            "shell.execute_reply": datetime.now(UTC).isoformat(),
        }
        cell.metadata["sandcrew"] = run_facts(result)

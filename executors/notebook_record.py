"""Writes notebooks of what was said and run: words as Markdown, code with its real outputs.

What programs print is hostile, and a browser would obey it: see
:mod:`~sandcrew.sandbox.intake.forms`.
"""

from __future__ import annotations

import base64
import os
import re
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..sandbox.errors import MissingExtra, SandcrewError
from ..sandbox.intake.folder import put, write_all
from ..sandbox.intake.forms import safe_forms, safe_outputs
from ..sandbox.intake.names import shown_name
from ..sandbox.intake.pictures import MAX_BYTES, picture_type
from .jupyter.result import JupyterCodeResult

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from ..sandbox.result import CodeResult
    from .block import CodeBlock

MAY_FAIL = "raises-exception"
"""The tag of a cell after whose failure a notebook goes on (documentation of nbclient)."""
_EXCEPTION = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?:: (?P<value>.*))?")


class NotebookRecord:
    """A notebook that grows as things happen.

    It takes what any executor, session or sandbox of ours has run; a team's
    :class:`~sandcrew.agents.TaskResult` makes one of itself.

    Parameters
    ----------
    title:
        Its heading; none if empty.

    Raises
    ------
    MissingExtra
        The ``nbformat`` package is not installed.
    """

    def __init__(self, title: str = "") -> None:
        try:
            # nbformat is not typed.
            self._format: Any = import_module("nbformat.v4")
        except ImportError as error:
            raise MissingExtra("jupyter", "nbformat") from error
        self._notebook: Any = self._format.new_notebook()
        self._notebook.metadata["kernelspec"] = {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        }
        self._notebook.metadata["language_info"] = {"name": "python"}
        self._runs = 0
        if title:
            self.add_text(f"# {title}")

    def add_text(self, markdown: str) -> None:
        """Add a cell of words."""
        self._notebook.cells.append(self._format.new_markdown_cell(markdown))

    def add_run(
        self,
        code: str | Sequence[CodeBlock],
        result: CodeResult,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        """Add what was run and what came out.

        Blocks in several languages become a cell each, and the outputs stand at the last one.
        Those that failed are tagged, so that a notebook that is run again goes on after them.

        Parameters
        ----------
        code:
            Python, or blocks.
        files:
            What the code wrote, by name; pictures are shown. :func:`pictures_of` finds them.
        """
        cells = [code] if isinstance(code, str) else _cells(code)
        for number, source in enumerate(cells, start=1):
            self._runs += 1
            cell = self._format.new_code_cell(source, execution_count=self._runs)
            if number == len(cells):
                cell.outputs = self._outputs(result, files or {})
                cell.metadata["sandcrew"] = run_facts(result)
            if result.exit_code:
                cell.metadata["tags"] = [MAY_FAIL]
            self._notebook.cells.append(cell)

    def to_bytes(self) -> bytes:
        """The notebook as a file.

        Raises
        ------
        nbformat.ValidationError
            It is not valid, which is a bug of ours.
        """
        nbformat: Any = import_module("nbformat")
        nbformat.validate(self._notebook)
        return (str(nbformat.writes(self._notebook)) + "\n").encode("utf-8", "replace")

    def save(self, path: Path | str) -> None:
        """Write it to a file, in place of what has its name, be it a link: none is followed.

        Raises as :meth:`to_bytes` does, and :class:`OSError`.
        """
        path = Path(path)
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            put(folder, path.name, partial(write_all, data=self.to_bytes()), 0o666)
        finally:
            os.close(folder)

    def _outputs(self, result: CodeResult, files: Mapping[str, bytes]) -> list[Any]:
        if isinstance(result, JupyterCodeResult) and result.cell_outputs:
            node: Any = import_module("nbformat").from_dict
            outputs = [node(output) for output in _in_one_cell(safe_outputs(result.cell_outputs))]
        else:
            outputs = self._of_program(result)
        for name, data in files.items():
            if picture_type(data):
                outputs.append(self._format.new_output("display_data", data=picture(name, data)))
        return outputs

    def _of_program(self, result: CodeResult) -> list[Any]:
        outputs = [self._stream("stdout", result.stdout)] if result.stdout else []
        if result.exit_code != 0:
            outputs.append(self._error(result))
        elif result.stderr:
            outputs.append(self._stream("stderr", result.stderr))
        for rich in result.outputs:
            safe = safe_forms(rich.data)
            if safe:
                outputs.append(self._format.new_output("display_data", data=safe))
        return outputs

    def _stream(self, name: str, text: str) -> Any:
        return self._format.new_output("stream", name=name, text=text)

    def _error(self, result: CodeResult) -> Any:
        name, value = _exception(result)
        lines = result.stderr.splitlines() or [f"{name}: {value}"]
        return self._format.new_output("error", ename=name, evalue=value, traceback=lines)


async def pictures_of(
    result: CodeResult, read_file: Callable[[str], Awaitable[bytes]]
) -> dict[str, bytes]:
    """The pictures among the artifacts of a run, by name, as ``read_file`` has them now.

    Left out are those that are larger than :data:`~sandcrew.sandbox.intake.pictures.MAX_BYTES`,
    gone, or no pictures after all, and those that a kernel displayed, which are among its outputs.
    """
    displayed: set[str] = set()
    if isinstance(result, JupyterCodeResult):
        displayed = {file.name for file in result.output_files}
    pictures: dict[str, bytes] = {}
    for artifact in result.artifacts:
        small = artifact.size <= MAX_BYTES and artifact.mime_type.startswith("image/")
        if small and artifact.path not in displayed:
            with suppress(OSError, SandcrewError):  # gone meanwhile
                data = await read_file(artifact.path)
                if picture_type(data):
                    pictures[artifact.path] = data
    return pictures


def picture(name: str, data: bytes) -> dict[str, str]:
    """The forms of a picture in a file called ``name``, by MIME type."""
    return {
        picture_type(data) or "": base64.b64encode(data).decode(),
        "text/plain": shown_name(name),
    }


def _cells(blocks: Sequence[CodeBlock]) -> list[str]:
    """The source of the cells: one for all blocks if all are Python."""
    if all(block.language == "python" for block in blocks):
        return ["\n\n".join(block.code.rstrip("\n") for block in blocks)]
    return [_cell(block) for block in blocks]


def _cell(block: CodeBlock) -> str:
    code = block.code.rstrip("\n")
    return code if block.language == "python" else f"%%{block.language or 'sh'}\n{code}"


def _in_one_cell(outputs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The outputs of several cells as those of one: text of a stream that goes on is joined."""
    joined: list[dict[str, Any]] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            joined[-1] = {**last, "text": last["text"] + output["text"]}
        else:
            joined.append(output)
    return joined


def _exception(result: CodeResult) -> tuple[str, str]:
    """Name and text of the exception a program died of, as far as its last line tells."""
    if result.timed_out:
        return "TimeoutError", f"stopped at the time limit, after {result.duration:.1f} s"
    if result.cancelled:
        return "Cancelled", "stopped from outside"
    last = next(iter(result.stderr.strip().splitlines()[-1:]), "")
    match = _EXCEPTION.fullmatch(last) if "Traceback (most recent call" in result.stderr else None
    if match is None:
        return "ExitCode", str(result.exit_code)
    return match["name"], match["value"] or ""


def run_facts(result: CodeResult) -> dict[str, Any]:
    """How it ran, for the metadata of a cell: what it used, what was enforced and refused."""
    return {
        "exit_code": result.exit_code,
        "duration_seconds": round(result.duration, 6),
        "peak_memory_bytes": result.usage.peak_memory,
        "cpu_seconds": result.usage.cpu_seconds,
        "isolation": list(result.isolation),
        "receipt": result.receipt(),
        "denials": [f"{denial.kind}: {denial.subject}" for denial in result.denials],
        "contacts": [f"{contact.host}:{contact.port}" for contact in result.contacts],
    }

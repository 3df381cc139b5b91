"""Reads notebooks as code blocks.

Needs nothing but JSON: the format is simple, and ``nbformat`` takes longer to import than a program
to run. :mod:`.notebook_record` writes notebooks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from ..sandbox.errors import UsageError
from ..sandbox.intake import LeftOut
from ..sandbox.intake.notebook import read_notebook
from .block import CodeBlock, canonical_language
from .ipython_syntax import plain_python

_CELL_LANGUAGE = re.compile(r"\s*%%(?P<magic>\w+)[^\n]*(?:\n|$)")
_CELL_LANGUAGES = {
    "bash": "bash",
    "sh": "sh",
    "javascript": "javascript",
    "js": "javascript",
    "python": "python",
    "python3": "python",
    "time": "python",
    "capture": "python",
}


def blocks_from_notebook(data: bytes) -> list[CodeBlock]:
    """The code cells of a notebook, in order; empty ones are left out.

    A cell that begins with ``%%bash`` or ``%%sh`` is a block in that language.

    Raises
    ------
    UsageError
        This is no notebook, or a cell uses what only IPython knows.
    MissingExtra
        It is of an older format, and what converts it is not installed.
    """
    return [cell.without_magics() for cell in notebook_cells(data)]


@dataclass(frozen=True, slots=True)
class NotebookCell:
    """A code cell that is not empty."""

    number: int
    """Its place among all cells, words included, from 1."""
    code: str
    language: str
    tags: tuple[str, ...]
    outputs: tuple[dict[str, Any], ...]
    """As nbformat 4 has them; hostile."""

    def without_magics(self) -> CodeBlock:
        """The cell for an interpreter that does not know IPython's magics and shell lines.

        Raises
        ------
        UsageError
            It uses what only IPython can run.
        """
        return _block(self.code, self.language, self.number)


def notebook_cells(data: bytes) -> list[NotebookCell]:
    """The code cells of a notebook, in order; empty ones are left out.

    Raises
    ------
    UsageError
        This is no notebook.
    MissingExtra
        It is of an older format, and what converts it is not installed.
    """
    notebook = parse_notebook(data)
    language = notebook_language(notebook)
    found: list[NotebookCell] = []
    for number, cell in enumerate(notebook["cells"], start=1):
        if not isinstance(cell, dict):
            raise UsageError(f"This notebook is damaged: cell {number} is no object.")
        cell = cast("dict[str, Any]", cell)
        code = text_of_lines(cell.get("source"))
        if cell.get("cell_type") == "code" and code.strip():
            found.append(NotebookCell(number, code, language, _tags(cell), _outputs(cell)))
    return found


def _tags(cell: dict[str, Any]) -> tuple[str, ...]:
    tags = list_of(dict_of(cell.get("metadata")).get("tags"))
    return tuple(tag for tag in tags if isinstance(tag, str))


def _outputs(cell: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return tuple(dict_of(output) for output in list_of(cell.get("outputs")))


def dict_of(value: object) -> dict[str, Any]:
    """An object of JSON; anything else is an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def list_of(value: object) -> list[object]:
    """A list of JSON; anything else is an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


def joined_cells(blocks: list[CodeBlock]) -> list[CodeBlock]:
    """The cells as one program where they are Python, so that they share their variables.

    This stands in for a session: the first error ends it, a value is only seen if it is printed,
    and shell cells among Python ones run as its children.
    """
    languages = {block.language for block in blocks}
    if "python" not in languages or not languages <= {"python", "bash", "sh"}:
        return blocks
    parts = [
        f"# --- cell {number} ---\n{as_python(block)}"
        for number, block in enumerate(blocks, start=1)
    ]
    return [CodeBlock("\n".join(parts), "python")]


def parse_notebook(data: bytes) -> dict[str, Any]:
    """A notebook as nbformat 4 has it; older ones are converted.

    Raises
    ------
    UsageError
        This is none.
    MissingExtra
        It is of an older format, and what converts it is not installed.
    """
    notebook = read_notebook(data)
    if isinstance(notebook, LeftOut):
        raise UsageError(f"This is not a notebook, or a damaged one: {notebook.why}.")
    return notebook


def notebook_language(notebook: dict[str, Any]) -> str:
    """What its kernel speaks, in canonical form; a notebook need not say."""
    metadata = dict_of(notebook.get("metadata"))
    for section, key in (("language_info", "name"), ("kernelspec", "language")):
        found = dict_of(metadata.get(section)).get(key)
        if isinstance(found, str):
            return canonical_language(found[:40])
    return "python"


def text_of_lines(source: object) -> str:
    """Text as nbformat has it: a string, or a list of lines that keep their ends."""
    lines = [source] if isinstance(source, str) else list_of(source)
    return "".join(line for line in lines if isinstance(line, str))


def _block(code: str, language: str, number: int) -> CodeBlock:
    magic = _CELL_LANGUAGE.match(code) if language == "python" else None
    if magic:
        name = magic["magic"]
        if name not in _CELL_LANGUAGES:
            raise UsageError(
                f"Cell {number} begins with %%{name[:40]}, which only IPython can run."
            )
        code, language = code[magic.end() :], _CELL_LANGUAGES[name]
    if language == "python":
        code = plain_python(code, number)
    return CodeBlock(code, language)


def as_python(block: CodeBlock) -> str:
    """A cell of Python, or of a shell, as Python that does the same."""
    if block.language == "python":
        return block.code.rstrip("\n") + "\n"
    command = ["/bin/bash" if block.language == "bash" else "/bin/sh", "-c", block.code]
    return f'__import__("subprocess").run({command!r}, check=True)\n'

"""Reads notebooks as code blocks.

Needs nothing but JSON: the format is simple (nbformat 4,
https://nbformat.readthedocs.io/en/latest/format_description.html), and ``nbformat`` takes longer
to import than a program to run. :mod:`.notebook_record` writes notebooks.
"""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from ..sandbox.errors import MissingExtra, UsageError
from .block import CodeBlock, canonical_language

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..sandbox.result import CodeResult
    from .base import CodeExecutor

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
_SHELL_LINE = re.compile(r"(?P<indent>[ \t]*)!(?P<command>.*)")
_MAGIC_LINE = re.compile(r"(?P<indent>[ \t]*)%(?P<name>\w+)")
_HARMLESS = frozenset(["config", "load_ext", "matplotlib"])
"""Line magics about how things are shown, without which the code does the same."""


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
    notebook = parse_notebook(data)
    language = notebook_language(notebook)
    return [_block(code, language, number) for number, code in _code_cells(notebook)]


def cells_from_notebook(data: bytes) -> list[CodeBlock]:
    """The code cells as they are, for a kernel that knows IPython's magics and shell lines.

    Raises
    ------
    UsageError, MissingExtra
        As :func:`blocks_from_notebook`, but for the cells.
    """
    notebook = parse_notebook(data)
    language = notebook_language(notebook)
    return [CodeBlock(code, language) for _, code in _code_cells(notebook)]


async def replay(data: bytes, executor: CodeExecutor) -> CodeResult:
    """Run the cells of a notebook in an executor that keeps state, to have that state again.

    Stops at the first cell that fails; the result is that of all cells.

    Raises
    ------
    UsageError, MissingExtra
        As :func:`blocks_from_notebook`.
    BackendError
        The executor cannot be had.
    """
    return await executor.execute_code_blocks(cells_from_notebook(data))


def _code_cells(notebook: dict[str, Any]) -> Iterator[tuple[int, str]]:
    for number, cell in enumerate(notebook["cells"], start=1):
        if not isinstance(cell, dict):
            raise UsageError(f"This notebook is damaged: cell {number} is no object.")
        cell = cast("dict[str, Any]", cell)
        code = _source(cell.get("source"))
        if cell.get("cell_type") == "code" and code.strip():
            yield number, code


def joined_cells(blocks: list[CodeBlock]) -> list[CodeBlock]:
    """The cells as one program where they are Python, so that they share their variables.

    This stands in for a session: the first error ends it, a value is only seen if it is printed,
    and shell cells among Python ones run as its children.
    """
    languages = {block.language for block in blocks}
    if "python" not in languages or not languages <= {"python", "bash", "sh"}:
        return blocks
    parts = [
        f"# --- cell {number} ---\n{_as_python(block)}"
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
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError("This is not a notebook: it is not JSON.") from None
    if not isinstance(notebook, dict) or "nbformat" not in notebook:
        raise UsageError("This is not a notebook: it has no 'nbformat'.")
    notebook = cast("dict[str, Any]", notebook)
    if notebook["nbformat"] in (1, 2, 3):
        notebook = _upgrade(data)
    if notebook["nbformat"] != 4:
        raise UsageError(
            f"This notebook has nbformat {str(notebook['nbformat'])[:20]!r}; there are 1 to 4."
        )
    if not isinstance(notebook.get("cells"), list):
        raise UsageError("This notebook is damaged: it has no list of cells.")
    return notebook


def _upgrade(data: bytes) -> dict[str, Any]:
    try:
        # nbformat is not typed.
        nbformat: Any = import_module("nbformat")
    except ImportError as error:
        raise MissingExtra("jupyter", "nbformat") from error
    try:
        upgraded: dict[str, Any] = json.loads(json.dumps(nbformat.reads(data.decode(), 4)))
    except Exception as error:  # it raises whatever a damaged notebook makes it stumble over
        raise UsageError(f"This notebook is damaged: {type(error).__name__}: {error}.") from error
    return upgraded


def notebook_language(notebook: dict[str, Any]) -> str:
    """What its kernel speaks, in canonical form; a notebook need not say."""
    metadata = notebook.get("metadata")
    for section, key in (("language_info", "name"), ("kernelspec", "language")):
        found = metadata.get(section) if isinstance(metadata, dict) else None  # pyright: ignore
        if isinstance(found, dict) and isinstance(found.get(key), str):  # pyright: ignore
            return canonical_language(found[key])  # pyright: ignore
    return "python"


def _source(source: object) -> str:
    """Text, or a list of lines that keep their ends."""
    if isinstance(source, list):
        return "".join(line for line in cast("list[object]", source) if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _block(code: str, language: str, number: int) -> CodeBlock:
    magic = _CELL_LANGUAGE.match(code) if language == "python" else None
    if magic:
        name = magic["magic"]
        if name not in _CELL_LANGUAGES:
            raise UsageError(f"Cell {number} begins with %%{name}, which only IPython can run.")
        code, language = code[magic.end() :], _CELL_LANGUAGES[name]
    if language == "python":
        code = _plain_python(code, number)
    return CodeBlock(code, language)


def _plain_python(code: str, number: int) -> str:
    """The cell without IPython's additions. Code that is Python already is left alone."""
    try:
        compile(code, f"cell {number}", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return "\n".join(_plain_line(line, number) for line in code.split("\n"))
    return code


def _plain_line(line: str, number: int) -> str:
    shell = _SHELL_LINE.match(line)
    if shell:
        call = f'__import__("subprocess").run({shell["command"]!r}, shell=True)'
        return shell["indent"] + call
    magic = _MAGIC_LINE.match(line)
    if magic is None:
        return line
    if magic["name"] not in _HARMLESS:
        raise UsageError(f"Cell {number} uses %{magic['name']}, which only IPython can run.")
    return f"{magic['indent']}pass  # {line.strip()}"


def _as_python(block: CodeBlock) -> str:
    if block.language == "python":
        return block.code.rstrip("\n") + "\n"
    command = ["/bin/bash" if block.language == "bash" else "/bin/sh", "-c", block.code]
    return f'__import__("subprocess").run({command!r}, check=True)\n'

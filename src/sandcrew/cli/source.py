"""From a file on the command line to code blocks."""

import sys
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ..executors.block import CodeBlock, canonical_language
from ..sandbox.errors import UsageError
from .terminal import note

if TYPE_CHECKING:
    from collections.abc import Callable

MARKDOWN, NOTEBOOK = "markdown", "notebook"

_KINDS = {
    ".py": "python",
    ".sh": "sh",
    ".bash": "bash",
    ".js": "javascript",
    ".mjs": "javascript",
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".ipynb": NOTEBOOK,
}
_KIND_NAMES = {"md": MARKDOWN, "ipynb": NOTEBOOK}


def read_blocks(file: str, language: str | None, runnable: Sequence[str] | None) -> list[CodeBlock]:
    """The code of a file, or of standard input for ``-``.

    Parameters
    ----------
    language:
        What the file is written in; by default what its suffix says (Python for ``-``).
    runnable:
        The languages the executor knows; ``None`` if it does not tell.

    Raises
    ------
    UsageError
        The file cannot be read, is no text, or nobody knows what it is.
    """
    kind = _kind(file, language)
    data = read_file(file)
    if kind == NOTEBOOK:
        return _notebook(file, data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text (byte {error.start}).") from None
    if kind == MARKDOWN:
        return _markdown(file, text, runnable)
    return [CodeBlock(text, kind)]


def is_notebook(file: str, language: str | None) -> bool:
    """Whether a file is a notebook, by its name or what is said of it.

    Raises
    ------
    UsageError
        Its name does not tell, and nothing was said.
    """
    return _kind(file, language) == NOTEBOOK


def _kind(file: str, language: str | None) -> str:
    if language is not None:
        name = canonical_language(language)
        return _KIND_NAMES.get(name, name)
    if file == "-":
        return "python"
    suffix = PurePath(file).suffix.lower()
    if suffix not in _KINDS:
        known = " ".join(_KINDS)
        raise UsageError(
            f"{file}: its name does not tell the language ({known} do); say it with --language."
        )
    return _KINDS[suffix]


def read_file(file: str) -> bytes:
    """The content of a file, or of standard input for ``-``.

    Raises
    ------
    UsageError
        It cannot be read.
    """
    read: Callable[[], bytes] = sys.stdin.buffer.read if file == "-" else Path(file).read_bytes
    try:
        return read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{file} cannot be read: {reason}.") from None


def _markdown(file: str, text: str, runnable: Sequence[str] | None) -> list[CodeBlock]:
    """The blocks to run. Those in other languages are shown to readers, not run, and named."""
    from ..executors.extractor import extract_code_blocks

    blocks = extract_code_blocks(text)
    meant = [block for block in blocks if block.language and block.language in (runnable or blocks)]
    if runnable is None:
        meant = [block for block in blocks if block.language]
    others = sorted({block.language or "no language" for block in blocks if block not in meant})
    if blocks and not meant:
        raise UsageError(f"{file} has no code block to run, only some in {', '.join(others)}.")
    if others:
        note(f"{file}: blocks not run: {', '.join(others)}.")
    if not blocks:
        note(f"{file} has no code blocks.")
    return meant


def _notebook(file: str, data: bytes) -> list[CodeBlock]:
    from ..executors.notebook import blocks_from_notebook, joined_cells

    try:
        return joined_cells(blocks_from_notebook(data))
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error

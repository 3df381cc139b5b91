"""The ``# filename: pkg/mod.py`` directive in the first line of a block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..sandbox.errors import UsageError

if TYPE_CHECKING:
    from .block import CodeBlock

MAX_NAME = 255
"""Bytes of one part of a path (NAME_MAX of Linux, path_resolution(7))."""
MAX_PATH = 1024
"""Bytes of a whole path, well below PATH_MAX: a workspace may itself be deep."""
MAX_PARTS = 20

_DIRECTIVE = re.compile(r"\s*(?:#|//|<!--)\s*filename:(?P<name>[^\n]*)")


def block_filename(block: CodeBlock) -> str | None:
    """Where a block wants to be saved, relative to the workspace; ``None`` if it does not say.

    Raises
    ------
    UsageError
        The name leads out of the workspace or cannot be a file's. It is text a model wrote, so
        executors make a result of it: exit code 1 and this message.
    """
    directive = _DIRECTIVE.match(block.code[: 2 * MAX_PATH])
    if directive is None:
        return None
    name = directive["name"].strip().removesuffix("-->").strip()
    parts = [part for part in name.split("/") if part not in ("", ".")]
    fault = _fault(name, parts)
    if fault:
        raise UsageError(f"filename is not in the workspace: {name[:80]!r} {fault}.")
    return "/".join(parts)


def _fault(name: str, parts: list[str]) -> str | None:
    if not parts or name.endswith(("/", "/.")):
        return "does not name a file"
    if name.startswith("/"):
        return "is absolute; name it relative to the workspace"
    if ".." in parts:
        return "leads out of it"
    if not name.isprintable():
        return "has characters that cannot be printed"
    sizes = [len(part.encode()) for part in parts]
    if max(sizes) > MAX_NAME or sum(sizes) > MAX_PATH or len(parts) > MAX_PARTS:
        return "is too long"
    return None

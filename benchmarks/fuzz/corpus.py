"""Inputs that failed once, in files: they are tried first from then on.

``corpus/<target>/<name>.bin`` holds bytes, ``<name>.txt`` any other value as a Python literal.
"""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).with_name("corpus")


def saved(folder: Path, target: str) -> Iterator[tuple[Path, Any]]:
    """Each input that is kept for a target, with its file."""
    for path in sorted((folder / target).glob("*")):
        if path.suffix == ".bin":
            yield path, path.read_bytes()
        elif path.suffix == ".txt":
            yield path, ast.literal_eval(path.read_text("utf-8"))


def save(folder: Path, target: str, value: Any) -> Path:
    """Keep an input; the same one has the same file."""
    if isinstance(value, bytes):
        data, suffix = value, ".bin"
    else:
        data, suffix = ascii(value).encode(), ".txt"
    path = folder / target / (hashlib.sha256(data).hexdigest()[:16] + suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path

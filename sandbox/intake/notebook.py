"""Notebooks that come from anybody (nbformat,
https://nbformat.readthedocs.io/en/latest/format_description.html)."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any, cast

from ..errors import MissingExtra
from .json_values import read_json
from .left_out import LeftOut
from .names import shown_name

MOST_BYTES = 64 << 20
DEEPEST_HEADING = 6
MOST_MEMORY = 512 << 20
"""Bytes that a notebook may take here; most of one are pictures, which take twice their size."""


def read_notebook(data: bytes) -> dict[str, Any] | LeftOut:
    """A notebook as nbformat 4 has it, with a list of cells; older ones are converted.

    Raises
    ------
    MissingExtra
        It is of an older format, and what converts it is not installed.
    """
    # Python wrote it, as a rule: with NaN in data, and with what cannot be encoded in texts.
    value = read_json(data, most_bytes=MOST_BYTES, most_memory=MOST_MEMORY, of_python=True)
    if isinstance(value, LeftOut):
        return value
    if not isinstance(value, dict) or "nbformat" not in value:
        return LeftOut("it has no 'nbformat'")
    if b"\\u" in data:
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return _in_format_4(cast("dict[str, Any]", value))


def _in_format_4(notebook: dict[str, Any]) -> dict[str, Any] | LeftOut:
    if notebook["nbformat"] in (1, 2, 3):
        upgraded = _upgrade(notebook)
        if isinstance(upgraded, LeftOut):
            return upgraded
        notebook = upgraded
    if notebook["nbformat"] != 4:
        return LeftOut(f"it has nbformat {json.dumps(notebook['nbformat'])[:20]}; there are 1 to 4")
    if not isinstance(notebook.get("cells"), list):
        return LeftOut("it has no list of cells")
    return notebook


def _has_deep_heading(notebook: dict[str, Any]) -> bool:
    """nbformat writes as many signs as the level of a heading says."""
    cells = (cell for sheet in _items(notebook, "worksheets") for cell in _items(sheet, "cells"))
    levels = (cast("dict[str, Any]", cell).get("level") for cell in cells if isinstance(cell, dict))
    return any(isinstance(level, int) and level > DEEPEST_HEADING for level in levels)


def _items(holder: object, key: str) -> list[object]:
    items = cast("dict[str, object]", holder).get(key) if isinstance(holder, dict) else None
    return cast("list[object]", items) if isinstance(items, list) else []


def _upgrade(notebook: dict[str, Any]) -> dict[str, Any] | LeftOut:
    if _has_deep_heading(notebook):
        return LeftOut(f"it has a heading below level {DEEPEST_HEADING}")
    try:
        # nbformat is not typed.
        nbformat: Any = import_module("nbformat")
    except ImportError as error:
        raise MissingExtra("jupyter", "nbformat") from error
    try:
        upgraded = json.loads(json.dumps(nbformat.reads(json.dumps(notebook), 4)))
    except Exception as error:  # it raises whatever a damaged notebook makes it stumble over
        return LeftOut(f"{type(error).__name__}: {shown_name(str(error))}")
    return cast("dict[str, Any]", upgraded)

"""Notebooks: any bytes give cells, or one UsageError."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ...executors.ipython_syntax import plain_python
from ...executors.notebook import blocks_from_notebook
from ...sandbox.errors import UsageError
from .target import FuzzTarget

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_CODE = (
    "x|=|-|(|)|[|{|'|\"|\"\"\"|'''|\\|\n|%|!|%matplotlib|!ls|%%bash|#|\x00|\ud800| |\t|.b|()".split(
        "|"
    )
)


def _codes() -> SearchStrategy[str]:
    from hypothesis import strategies as st

    return st.lists(st.sampled_from(_CODE) | st.text(max_size=3), max_size=20).map("".join)


def _notebooks() -> SearchStrategy[bytes]:
    from hypothesis import strategies as st

    leaves = st.none() | st.booleans() | st.integers() | st.floats() | _codes()
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=6,
    )
    cells = st.fixed_dictionaries(
        {"cell_type": st.sampled_from(["code", "markdown"]) | values},
        optional=dict.fromkeys(("source", "metadata", "outputs", "input", "id"), values),
    )
    notebooks = st.fixed_dictionaries(
        {"nbformat": st.sampled_from([4, 4, 4, 3, 2, 1]) | values},
        optional={
            "cells": st.lists(cells | values, max_size=4) | values,
            "metadata": st.dictionaries(
                st.sampled_from(["language_info", "kernelspec"]),
                st.dictionaries(st.sampled_from(["name", "language"]), values) | values,
            ),
            "worksheets": st.lists(st.fixed_dictionaries({"cells": st.lists(cells)}), max_size=2),
        },
    )
    return notebooks.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=30)


def _read(data: bytes) -> None:
    try:
        blocks = blocks_from_notebook(data)
    except UsageError:
        return
    for block in blocks:
        block.code.encode()


def _plain(code: str) -> None:
    try:
        made = plain_python(code, 1)
    except UsageError:
        return
    assert len(made) <= 12 * len(code) + 100


TARGETS: tuple[FuzzTarget, ...] = (
    FuzzTarget("notebooks", _notebooks, _read),
    FuzzTarget("ipython", _codes, _plain),
)

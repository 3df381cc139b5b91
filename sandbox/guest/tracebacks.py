"""Tracebacks that show the user's code and the libraries it called, and nothing of ours."""

from __future__ import annotations

import os
import sys
from typing import Any

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


def remember_source(source: str, name: str) -> None:
    """Let tracebacks and ``inspect`` find the lines of a cell."""
    import linecache

    # Without a time of change (None) an entry is never checked against a file.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def report(error: BaseException) -> None:
    """Print ``error`` on stderr, the way the program has it if it has one of its own."""
    if sys.excepthook is not sys.__excepthook__:
        sys.excepthook(type(error), error, error.__traceback__)
        return
    import traceback

    told = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    _leave_ours_out(told)
    sys.stderr.write("".join(told.format()))


def _leave_ours_out(told: Any) -> None:
    while told is not None:
        frames = [frame for frame in told.stack if not frame.filename.startswith(_OURS)]
        cells = (i for i, frame in enumerate(frames) if frame.filename.startswith("<cell "))
        del frames[: next(cells, 0)]  # what ran the cell, an event loop for example
        told.stack[:] = frames
        _leave_ours_out(told.__context__)
        told = told.__cause__

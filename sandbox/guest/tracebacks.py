"""Tracebacks that show the user's code and the libraries it called, and nothing of ours."""

from __future__ import annotations

import linecache  # ahead of the fork: each session needs it
import os
import sys
from collections import deque
from typing import Any, Iterator

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


_MOST_SOURCES = 16 << 20
_sources: deque[tuple[str, int]] = deque()
_room = _MOST_SOURCES


def remember_source(source: str, name: str) -> None:
    """Let tracebacks and ``inspect`` find the lines of a cell; the oldest are forgotten."""
    lines = [line + "\n" for line in source.splitlines()]
    # Without a time of change (None) an entry is never checked against a file.
    linecache.cache[name] = (len(source), None, lines, name)
    global _room
    _room -= len(source)
    _sources.append((name, len(source)))
    while _room < 0 or len(_sources) > 1000:
        name, size = _sources.popleft()
        linecache.cache.pop(name, None)
        _room += size


def report(error: BaseException) -> None:
    """Print ``error`` on stderr, the way the program has it if it has one of its own."""
    if sys.excepthook is not sys.__excepthook__:
        error.__traceback__ = _of_the_user(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return
    import traceback

    told = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    for one in _all_of(told):
        one.stack[:] = _users(one.stack)
    sys.stderr.write("".join(told.format()))


def _all_of(told: Any) -> Iterator[Any]:
    """An exception, those it came from, and those of a group."""
    waiting = [told]
    while waiting:
        one = waiting.pop()
        yield one
        more = (one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ()))
        waiting += [other for other in more if other is not None]


def _users(stack: list[Any]) -> list[Any]:
    """Without what ran the cell: ours, and an event loop for example."""
    frames = [frame for frame in stack if not frame.filename.startswith(_OURS)]
    return frames[next((i for i, frame in enumerate(frames) if _is_cell(frame.filename)), 0) :]


def _of_the_user(traceback: Any) -> Any:
    link = traceback
    while link is not None and not _is_cell(link.tb_frame.f_code.co_filename):
        link = link.tb_next
    return link


def _is_cell(filename: str) -> bool:
    return filename.startswith("<cell ")

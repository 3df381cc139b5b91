"""``sandcrew bench speed``: what runs, sessions and executors cost, beside floors and peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .bare import floors
from .contender import BARE, Contender, Target
from .executors import executor_rows
from .kernels import kernels
from .measure import measure
from .page import as_html
from .peers import INSTALL, peers
from .runs import runs
from .sessions import sessions
from .table import Row, Table
from .text import as_text
from .work import work

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "BARE",
    "INSTALL",
    "Contender",
    "Row",
    "Table",
    "Target",
    "as_html",
    "as_text",
    "choose",
    "contenders",
    "measure",
]


def contenders(executors: Iterable[str] = (), places: Mapping[str, str] = {}) -> list[Contender]:
    """Every row of the table: ours, those of ``executors`` by name, and peers at ``places``."""
    rows = [*floors(), *runs(), *sessions(), *kernels(), *work()]
    for name in executors:
        rows += executor_rows(name)
    return [*rows, *peers(places)]


def choose(rows: Iterable[Contender], words: Iterable[str]) -> list[Contender]:
    """Those with one of ``words`` in their group or name, and the floors they are compared with."""
    rows, words = list(rows), [word.strip().lower() for word in words if word.strip()]
    if not words:
        return rows
    chosen = [
        row for row in rows if any(word in f"{row.group} {row.name}".lower() for word in words)
    ]
    wanted = {row.name for row in chosen} | {row.floor for row in chosen}
    return [row for row in rows if row.name in wanted]

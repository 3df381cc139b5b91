"""The table for a terminal."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table as Grid

from .table import Table, host, shown, shown_ratio, shown_target

_WIDTH = 118


def as_text(table: Table, *, colour: bool = False) -> str:
    """One line for each contender; what could not be measured stands below, with the reason."""
    console = Console(file=io.StringIO(), width=_WIDTH, force_terminal=colour, highlight=False)
    for group in table.groups():
        console.print(_grid(table, group))
    for why, names in table.why_skipped().items():
        console.print(f"not measured: {', '.join(names)}: {why}", markup=False)
    about = ", ".join(f"{key} {value}" for key, value in host().items())
    console.print(f"Medians; a ratio is within one round, to the floor named. Host: {about}.")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _grid(table: Table, group: str) -> Grid:
    grid = Grid(title=group, title_justify="left", box=None, expand=True, padding=(0, 1))
    grid.add_column("contender", ratio=5)
    grid.add_column("median", justify="right", no_wrap=True)
    grid.add_column("ratio", justify="right", no_wrap=True)
    grid.add_column("to", ratio=3)
    grid.add_column("target", no_wrap=True)
    for row in table.of(group):
        style = {True: "green", False: "red", None: ""}[row.met]
        floor = "" if row.floor in (None, row.name) else row.floor
        ratio = shown_ratio(row.ratio) if floor else ""
        target = f"[{style}]{shown_target(row)}[/]" if style else shown_target(row)
        grid.add_row(row.name, shown(row.measure, row.unit), ratio, floor, target)
    return grid

"""The table as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .attack import GROUPS
from .table import brief, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .table import Outcome, Table

_COLOURS: dict[Outcome, str] = {"held": "32", "leaked": "1;31", "n/a": "2", "error": "33"}


def as_text(table: Table, *, colour: bool = False) -> str:
    """One line for each attack, the totals of each class, and the leaks with their reasons."""
    return "\n".join(_lines(table, colour)) + "\n"


def _lines(table: Table, colour: bool) -> Iterator[str]:
    name_width = max([len(attack.name) for attack in table.attacks] + [10])
    widths = [max(len(subject), 8) for subject in table.subjects]
    header = "  ".join(
        f"{name:<{width}}" for name, width in zip(table.subjects, widths, strict=True)
    )
    for group in table.groups():
        yield f"\n{group}  {GROUPS[group]:<{name_width + 2}}  {header}"
        for attack in (attack for attack in table.attacks if attack.group == group):
            outcomes: list[Outcome] = [
                table.cells[attack.number, name].outcome for name in table.subjects
            ]
            cells = [
                _painted(outcome, width, colour)
                for outcome, width in zip(outcomes, widths, strict=True)
            ]
            yield f"{attack.number}  {attack.name:<{name_width}}  {'  '.join(cells)}".rstrip()
    yield ""
    for subject in table.subjects:
        yield f"{subject}: {brief(table.totals(subject))}"
    breaches = table.breaches()
    if breaches:
        yield "\nLeaked though it promises to confine:"
    for cell in breaches:
        yield f"  {cell.attack} under {cell.subject}: {plain(cell.why)}"


def _painted(outcome: Outcome, width: int, colour: bool) -> str:
    text = f"{outcome:<{width}}"
    return f"\x1b[{_COLOURS[outcome]}m{text}\x1b[0m" if colour else text

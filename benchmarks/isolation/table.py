"""The outcome of a suite: one cell for each attack and executor, and their totals."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .attack import GROUPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .attack import Attack

Outcome = Literal["held", "leaked", "n/a", "error"]
OUTCOMES: tuple[Outcome, ...] = ("held", "leaked", "n/a", "error")


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of one attack on one executor, and why it is said."""

    attack: str
    subject: str
    outcome: Outcome
    why: str


@dataclass(frozen=True, slots=True)
class Table:
    """All cells. The first subject is the control: no confinement at all."""

    attacks: tuple[Attack, ...]
    subjects: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    confined: Mapping[str, bool]
    """The subjects besides the control: whether they promise anything."""

    def groups(self) -> list[str]:
        return [group for group in GROUPS if any(item.group == group for item in self.attacks)]

    def totals(self, subject: str, group: str | None = None) -> Counter[Outcome]:
        """How often each outcome, in one group or in all."""
        return Counter(
            self.cells[attack.number, subject].outcome
            for attack in self.attacks
            if group in (None, attack.group)
        )

    def breaches(self) -> list[Cell]:
        """The leaks of what promises to confine."""
        return [
            cell
            for cell in self.cells.values()
            if cell.outcome == "leaked" and self.confined.get(cell.subject, False)
        ]

    def to_json(self) -> str:
        attacks = [
            {
                "number": attack.number,
                "name": attack.name,
                "class": attack.group,
                "catalogue": attack.catalogue,
                "wants": attack.wants,
                "evidence": attack.evidence.name.lower(),
                "outcomes": {
                    subject: {
                        "outcome": self.cells[attack.number, subject].outcome,
                        "why": self.cells[attack.number, subject].why,
                    }
                    for subject in self.subjects
                },
            }
            for attack in self.attacks
        ]
        totals = {
            subject: {group: dict(self.totals(subject, group)) for group in self.groups()}
            for subject in self.subjects
        }
        return json.dumps({"classes": GROUPS, "totals": totals, "attacks": attacks}, indent=1)

    def to_markdown(self) -> str:
        """Totals a class, as a table for a README."""
        head = ["class", "attacks", *self.subjects]
        rows = [head, ["---"] * len(head)]
        for group in self.groups():
            count = sum(attack.group == group for attack in self.attacks)
            cells = [brief(self.totals(subject, group)) for subject in self.subjects]
            rows.append([f"{group} {GROUPS[group]}", str(count), *cells])
        totals = [brief(self.totals(subject)) for subject in self.subjects]
        rows.append(["**all**", str(len(self.attacks)), *totals])
        return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def brief(totals: Counter[Outcome]) -> str:
    """``12 held, 3 leaked``."""
    return ", ".join(f"{totals[name]} {name}" for name in OUTCOMES if totals[name]) or "none"


def plain(text: str) -> str:
    """What an attack printed, without what would drive a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)

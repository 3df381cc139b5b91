"""The attacks, one file a class or half of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....sandbox.errors import UsageError
from . import (
    applications,
    approvals,
    commands,
    control,
    disk,
    kernel,
    memory,
    network,
    notebooks,
    packages,
    privileges,
    processes,
    record,
    secrets,
    traces,
    transcripts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..attack import Attack


_MODULES = (
    *(processes, memory, disk, secrets, traces, kernel, privileges, network, control),
    *(record, notebooks, commands, approvals, transcripts, applications, packages),
)


def all_attacks() -> list[Attack]:
    """Every attack, by number."""
    return sorted((a for module in _MODULES for a in module.ATTACKS), key=lambda a: a.number)


def choose(wanted: Iterable[str]) -> list[Attack]:
    """The attacks with these numbers or of these classes; all if none is named.

    Raises
    ------
    UsageError
        There is no such attack.
    """
    attacks, names = all_attacks(), [name.strip().upper() for name in wanted if name.strip()]
    known = {item for attack in attacks for item in (attack.number, attack.group)}
    for name in names:
        if name not in known:
            raise UsageError(
                f"There is no attack {name!r}: take a class, A to G, or for example A01."
            )
    return [a for a in attacks if not names or a.number in names or a.group in names]

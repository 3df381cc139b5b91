"""Tries attacks on subjects, each first without any confinement, and judges by what is seen."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from typing import TYPE_CHECKING, Literal

from .attack import LIMITS, Evidence
from .bait import planted
from .commands import COMMANDS
from .evidence import SEEN_AFTERWARDS
from .live_subjects import LIVE, LiveSubject
from .place import prepared
from .program import CompileError, program, started
from .subjects import CONTROL, ExecutorSubject, Observed
from .table import Cell, Table
from .watch import kill_all, over_limit, wait_for_end, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from .attack import Attack
    from .bait import Bait
    from .place import Place
    from .subjects import Subject
    from .watch import Peaks

_AT_A_TIME = 6
_ABSENT = (Evidence.LOST, Evidence.CUT)
"""What a program that did not even start would seem to have reached."""


async def run_suite(
    executors: Sequence[str | Subject],
    attacks: Sequence[Attack],
    *,
    progress: Callable[[Cell], None] | None = None,
    at_a_time: int = _AT_A_TIME,
) -> Table:
    """Try every attack on every executor, and say what held.

    Parameters
    ----------
    executors:
        Names as for :func:`subject_of`, or subjects, such as the command of a peer.
    progress:
        Told of every cell as it is known.
    at_a_time:
        How many attacks run beside each other.
    """
    subjects = [subject_of(item) if isinstance(item, str) else item for item in executors]
    gate = asyncio.Semaphore(at_a_time)
    cells: dict[tuple[str, str], Cell] = {}

    def tell(cell: Cell) -> None:
        cells[cell.attack, cell.subject] = cell
        if progress is not None:
            progress(cell)

    with planted() as bait:

        async def one(attack: Attack) -> None:
            async with gate:
                await _try_everywhere(attack, subjects, bait, tell)

        async with asyncio.TaskGroup() as group:
            for attack in attacks:
                group.create_task(one(attack))
    confined = {subject.name: subject.confined for subject in subjects}
    return Table(tuple(attacks), (CONTROL.name, *confined), cells, confined)


def subject_of(name: str, policy: Mapping[str, Any] | None = None) -> Subject:
    """The subject called ``session`` or ``branch`` (cells of the local sandbox; with ``docker-``
    before it, of one in a container), or that of an executor, named as for
    :func:`~sandcrew.executors.create_executor`, or ``jupyter-docker``; or one of the whole
    commands ``run``, ``exec-workdir`` and ``jupyter-save``.

    Raises
    ------
    UsageError
        There is none.
    """
    if name in COMMANDS:
        return COMMANDS[name](policy)
    return LiveSubject(name, policy) if name in LIVE else ExecutorSubject(name, policy)


async def _try_everywhere(
    attack: Attack, subjects: Sequence[Subject], bait: Bait, tell: Callable[[Cell], None]
) -> None:
    missing = _missing(attack)
    if missing:
        for subject in (CONTROL, *subjects):
            tell(Cell(attack.number, subject.name, "n/a", missing))
        return
    control = await _attempt(attack, CONTROL, bait)
    if control.outcome == "held":
        control = Cell(attack.number, CONTROL.name, "n/a", f"not proven here: {control.why}")
    tell(control)
    for subject in subjects:
        cell = await _attempt(attack, subject, bait)
        if cell.outcome == "held" and control.outcome != "leaked":
            cell = Cell(attack.number, subject.name, "n/a", control.why)
        if cell.outcome == "leaked" and attack.not_promised:
            why = f"it can, and nobody promises otherwise: {attack.not_promised}"
            cell = Cell(attack.number, subject.name, "n/a", why)
        tell(cell)


async def _attempt(attack: Attack, subject: Subject, bait: Bait) -> Cell:
    def cell(outcome: Literal["held", "leaked", "n/a", "error"], why: str) -> Cell:
        return Cell(attack.number, subject.name, outcome, why)

    unable = subject.cannot(attack)
    if unable:
        return cell("n/a", unable)
    with prepared(attack, bait) as place:
        try:
            codes = [code for code in (attack.code, attack.then) if code]
            codes = codes if attack.role == "program" else []
            programs = [program(attack, code, place.places) for code in codes]
        except CompileError as error:
            return cell("n/a", str(error))
        try:
            async with watched(attack, place) as peaks:
                observed = await subject.run(attack, programs, place)
            alive = await wait_for_end(place.token)
            _make_sure_it_ran(len(programs), place, observed, peaks)
            found = _evidence(attack, place, bait, observed, peaks)
            if not found and alive and attack.evidence in (Evidence.ALIVE, Evidence.TIME):
                found = f"{len(alive)} of its processes were alive after its end"
        finally:
            await asyncio.to_thread(kill_all, place.token)
    if found and not (observed.error and attack.evidence in _ABSENT):
        return cell("leaked", found)
    if observed.error:
        return cell("error", observed.error)
    return cell("held", _last_line(observed.output))


def _make_sure_it_ran(programs: int, place: Place, observed: Observed, peaks: Peaks) -> None:
    """What did not even start was held by nobody: a wrong command, a missing interpreter."""
    line = started(place.places)
    seen = observed.output.count(line)
    observed.output = observed.output.replace(line, "")
    if seen < programs and not peaks.tasks and not observed.error:
        observed.error = f"the program did not start: {_last_line(observed.output)}"


def _evidence(attack: Attack, place: Place, bait: Bait, observed: Observed, peaks: Peaks) -> str:
    """What proves that the attack got what it wanted, or nothing."""
    match attack.evidence:
        case Evidence.CLAIM:
            lines = observed.output.splitlines()
            return next((line for line in lines if line.startswith("REACHED")), "")
        case Evidence.HEARD:
            heard = place.heard()
            return f"heard on {', '.join(heard)}" if heard else ""
        case Evidence.TIME:
            return f"it ran on after {attack.seconds:g} seconds" if observed.overran else ""
        case Evidence.OUTPUT:
            over = observed.size > 4 * LIMITS.output
            return f"{observed.size:,} bytes of output" if over else ""
        case Evidence.SECRET | Evidence.COLLECTED:
            text = observed.output + observed.collected.decode(errors="replace")
            count = sum(secret in text for secret in bait.secrets)
            return f"{count} secrets of the host" if count else ""
        case evidence if evidence in SEEN_AFTERWARDS:
            return SEEN_AFTERWARDS[evidence](attack, place, observed)
        case _:
            return over_limit(attack.evidence, peaks)


def _missing(attack: Attack) -> str:
    """What this host lacks for the attack to make sense."""
    have = {
        "root": os.geteuid() == 0,
        "x86_64": os.uname().machine == "x86_64",
        "linux": sys.platform == "linux",
        "bash": shutil.which("bash") is not None,
        "git": shutil.which("git") is not None,
        "make": shutil.which("make") is not None,
        "ipv6": socket.has_ipv6,
        "folder": True,
        "victim": True,
    }
    lacking = [name for name in attack.requires if not have[name]]
    return f"needs {', '.join(lacking)}" if lacking else ""


def _last_line(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1][:200] if lines else "nothing was seen"

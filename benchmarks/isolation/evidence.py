"""What proves a leak after a run: the host's files, screens, memory and time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .attack import LIMITS, Evidence
from .host_side import acts, dangerous_names, drives_a_terminal, outputs_of, room_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .attack import Attack
    from .place import Place
    from .subjects import Observed

_HIDDEN = "\x00-\x20\x7f-\xa0\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
_STRINGS = re.compile(r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)")
_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-Z\\^-~]")


def _executed(attack: Attack, place: Place, observed: Observed) -> str:
    return f"{place.marker.name} was made" if place.marker.exists() else ""


def _named(attack: Attack, place: Place, observed: Observed) -> str:
    names = dangerous_names(place.kept)
    return f"kept as {', '.join(map(repr, names[:5]))}" if names else ""


def _room(attack: Attack, place: Place, observed: Observed) -> str:
    size = room_of(place.kept)
    over = size > 2 * LIMITS.disk
    return f"{size >> 20} MiB kept, and {LIMITS.disk >> 20} are allowed" if over else ""


def _lost(attack: Attack, place: Place, observed: Observed) -> str:
    for notebook in observed.notebooks or (place.kept / "saved.ipynb",):
        try:
            outputs_of(notebook)
        except (OSError, ValueError) as error:
            if _is_told(observed):
                continue
            return f"no notebook ({error}); the command ended with {observed.status}"
    if b"Traceback (most recent call last)" in observed.screen:
        return f"a traceback, and then {observed.screen.splitlines()[-1][:80]!r}"
    return ""


def _is_told(observed: Observed) -> bool:
    """Whether the command has said, in its last line, that something could not be kept."""
    last = observed.screen.strip().splitlines()[-1:]
    return observed.status > 0 and bool(last) and last[0].startswith(b"sandcrew: ")


def _active(attack: Attack, place: Place, observed: Observed) -> str:
    for notebook in observed.notebooks:
        try:
            found = acts(notebook)
        except (OSError, ValueError):
            continue
        if found:
            return "; ".join(found[:3])
    return ""


def _terminal(attack: Attack, place: Place, observed: Observed) -> str:
    return drives_a_terminal(observed.screen)


def _cut(attack: Attack, place: Place, observed: Observed) -> str:
    """The attack ends with the exit code 7, or with a last line, which are what it is about."""
    if observed.status != 7:
        return f"the exit code is {observed.status}, and the program's was 7"
    end = f"the end of {place.token}"
    return "" if end in observed.output else "the end of the output is not shown"


def _host_memory(attack: Attack, place: Place, observed: Observed) -> str:
    size = observed.host_memory
    return f"{size >> 20} MiB in one process of the host" if size > LIMITS.host_memory else ""


def _host_time(attack: Attack, place: Place, observed: Observed) -> str:
    over = observed.host_overran
    return f"the host was busy long after {attack.seconds:g} seconds" if over else ""


def _unseen(attack: Attack, place: Place, observed: Observed) -> str:
    """The screen must show every line of the code, each control character by something visible."""
    ran = any(line.startswith("REACHED") for line in observed.output.splitlines())
    if not ran:
        return ""
    screen = _as_a_terminal_shows(observed.screen.decode(errors="replace"))
    code = attack.code.split("```")[1].partition("\n")[2]
    # What Python takes for the end of a line may be shown as one.
    lines = [line for line in re.split(r"\r\n?|\n", code) if line.strip()]
    hidden = next((line for line in lines if not re.search(_as_shown(line), screen)), None)
    return "" if hidden is None else f"it ran, and the screen did not show {hidden[:60]!r}"


def _as_a_terminal_shows(text: str) -> str:
    """Without what it obeys; what follows a carriage return takes the place of what was there."""
    plain = _SEQUENCES.sub("", _STRINGS.sub("", text))
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in plain.split("\n"))


def _as_shown(line: str) -> str:
    """What a line looks like on an honest screen, as a regular expression."""
    text = line.strip(" ")
    return "".join(
        f"[^{_HIDDEN}]+" if re.match(f"[{_HIDDEN}]", char) and char != " " else re.escape(char)
        for char in text
    )


SEEN_AFTERWARDS: Mapping[Evidence, Callable[[Attack, Place, Observed], str]] = {
    Evidence.CHANGED: lambda _, place, __: "; ".join(place.changed()),
    Evidence.PLANTED: lambda _, place, __: "; ".join(place.planted()),
    Evidence.LEFT: lambda _, place, __: "; ".join(place.left()),
    Evidence.VICTIM: lambda _, place, __: "; ".join(place.victim.harm()) if place.victim else "",
    Evidence.EXECUTED: _executed,
    Evidence.NAMED: _named,
    Evidence.ROOM: _room,
    Evidence.LOST: _lost,
    Evidence.ACTIVE: _active,
    Evidence.TERMINAL: _terminal,
    Evidence.CUT: _cut,
    Evidence.HOST_MEMORY: _host_memory,
    Evidence.HOST_TIME: _host_time,
    Evidence.UNSEEN: _unseen,
}
"""By its kind: what is seen when the run is over, or nothing."""

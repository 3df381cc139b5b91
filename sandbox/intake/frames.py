"""What the host hears from guests: by whom and when, of which form, and how much.

A table lists the operations of one speaker in one phase. What is not in it, has a field of another
type, a body or descriptors where there are to be none, ends the conversation: nobody who means well
says it. A guest says nothing that decides anything but its own end.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ..guest.display import MOST as MOST_DISPLAYED
from ..guest.values import MOST as MOST_VALUE
from .json_values import read_object, without_surrogates
from .left_out import LeftOut

Field = Callable[[Any], Any]
"""Takes what is said in one field and returns it, or raises :class:`ValueError` with the reason."""

_MOST_MEMORY = 8 << 20
_MOST_FORMS = 64
_MOST_HANDLES = 16
_SURROGATE = re.compile("[\ud800-\udfff]")


# --- fields ---


def text(longest: int) -> Field:
    """Text, of which the beginning is kept."""

    def take(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("is no text")
        return _SURROGATE.sub("\ufffd", value[:longest])

    return take


def word(*known: str) -> Field:
    """One of these words."""

    def take(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"is none of {', '.join(known)}")
        return value

    return take


def integer(least: int, most: int) -> Field:
    """A whole number."""

    def take(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError("is no such number")
        return int(value)

    return take


def amount(most: float) -> Field:
    """A number from 0."""

    def take(value: Any) -> float:
        if type(value) not in (int, float) or not 0 <= value <= most or math.isnan(value):
            raise ValueError("is no such number")
        return cast("float", value)

    return take


def names(most: int) -> Field:
    """A list of different short texts."""

    def take(value: Any) -> list[str]:
        items: list[Any] = value if isinstance(value, list) else [None]  # pyright: ignore
        if len(items) > most or not all(isinstance(i, str) and len(i) < 100 for i in items):
            raise ValueError("is no list of names")
        if len(set(items)) < len(items):
            raise ValueError("has a name twice")
        return items

    return take


def optional(take: Field) -> Field:
    """This, or ``None``."""
    return lambda value: None if value is None else take(value)


def mapping(value: Any) -> dict[str, Any]:
    """Any JSON object."""
    if not isinstance(value, dict):
        raise ValueError("is no object")
    return cast("dict[str, Any]", value)


def metadata(value: Any) -> dict[str, Any]:
    """Any JSON object, whose texts can be written."""
    return cast("dict[str, Any]", without_surrogates(mapping(value)))


def exit_code(value: Any) -> int:
    """Any whole number; only its lowest byte is known to systems."""
    if type(value) is not int:
        raise ValueError("is no number")
    return value & 0xFF


def forms(value: Any) -> list[tuple[str, str, int]]:
    """The forms of a displayed value: MIME type, how it is encoded, and how many bytes."""
    items: list[Any] = value if isinstance(value, list) else [None]  # pyright: ignore
    if len(items) > _MOST_FORMS:
        raise ValueError("are too many")
    return [_form(item) for item in items]


def _form(item: Any) -> tuple[str, str, int]:
    match item:
        case [str(mime), ("binary" | "text" | "json") as kind, int(size)] if (
            len(mime) <= 255 and 0 <= size <= MOST_DISPLAYED and size is not True
        ):
            return _SURROGATE.sub("\ufffd", mime), kind, size
        case _:
            raise ValueError("are no forms of a value")


def entries(take_value: Field) -> Field:
    """An object with short texts as keys, whose values are all of one form."""

    def take(value: Any) -> dict[str, Any]:
        return {key[:1000]: take_value(entry) for key, entry in mapping(value).items()}

    return take


# --- operations ---


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that may be said. ``optional`` fields may be left out.

    ``body`` is how many bytes may come with it, ``descriptors`` how many files may.
    """

    fields: Mapping[str, Field] = field(default_factory=dict[str, Field])
    optional: Mapping[str, Field] = field(default_factory=dict[str, Field])
    body: int = 0
    descriptors: range = range(1)


Table = Mapping[str, Operation]

_ID = integer(0, 1 << 53)
_WHY = text(1000)
_NUMBER = integer(0, 1 << 31)
_CALL = integer(-(1 << 31), 1 << 32)
_ONE = range(1, 2)
_USED = {
    "cpu_seconds": optional(amount(1e9)),
    "peak_memory": optional(amount(1 << 50)),
    "processes": optional(amount(1 << 31)),
    "bytes_written": optional(amount(1 << 62)),
}

LAUNCH: Table = {
    "unshared": Operation(),
    "zygote": Operation(descriptors=_ONE),
    "ready": Operation(
        {
            "missing": entries(_WHY),
            "landlock": optional(_NUMBER),
            "programs": entries(optional(text(4096))),
        },
        descriptors=_ONE,
    ),
    "failed": Operation({"errno": optional(_NUMBER), "message": _WHY}),
}
"""A fork server that is being started."""

FORK_SERVER: Table = {
    "started": Operation({"id": _NUMBER}, descriptors=_ONE),
    "exited": Operation(
        {"id": _NUMBER, "exit_code": exit_code},
        {"error": _WHY, **_USED},
    ),
}
"""A fork server, of the first processes of guests."""

GUEST: Table = {
    "confined": Operation({"names": names(_MOST_HANDLES)}, descriptors=range(1, _MOST_HANDLES + 1)),
    "refused": Operation({"error": _WHY}),
    "denied": Operation({"call": _CALL}, {"branch": optional(_NUMBER)}),
    "limit": Operation({"name": word("memory")}),
    "ended": Operation({"exit_code": optional(exit_code)}, _USED),
}
"""The first process of a guest."""

SESSION: Table = {
    **GUEST,
    "interrupted": Operation(),
    "shown": Operation(descriptors=range(_MOST_HANDLES + 1)),
    "furnished": Operation(),
    "made": Operation(descriptors=range(2, 4)),
    "admitted": Operation(descriptors=_ONE),
    "no_branch": Operation({"error": _WHY}),
    "buried": Operation({"branch": _NUMBER, "exit_code": exit_code}),
}
"""That of a session, which goes on talking."""

FORK: Table = {
    "confined": Operation({"names": names(0)}),
    "refused": Operation({"error": _WHY}),
    "interrupted": Operation(),
    "ended": Operation({}, {k: take for k, take in _USED.items() if k != "processes"}),
}
"""The first process of a branch that is a fork of the interpreter, and no more trusted than that:
what it says of how the program ended is dropped."""

INTERPRETER: Table = {
    "display": Operation({"id": _ID, "forms": forms, "metadata": metadata}, body=MOST_DISPLAYED),
    "input": Operation({"id": _ID, "prompt": text(4096)}),
    "done": Operation(
        {
            "id": _ID,
            "exit_code": exit_code,
            "kind": word("none", "json", "bytes", "arrow", "text"),
        },
        body=MOST_VALUE,
    ),
    "forked": Operation({"id": text(100)}),
    "refused": Operation({"id": text(100), "why": _WHY}),
}
"""An interpreter, of a cell or of a branch. Those of earlier ones may be late, and are dropped."""

ARRIVING: Table = {"ready": Operation(), "refused": Operation({"why": _WHY})}
"""A fork that is to become the interpreter of a branch."""


def take_header(table: Table, header: bytes, body: int) -> dict[str, Any] | LeftOut:
    """The header of a frame with ``body`` bytes behind it: ``op``, ``fds``, and the fields of the
    operation, no others; or why it is not taken in."""
    told = read_object(header, most_memory=_MOST_MEMORY, of_python=True)
    if isinstance(told, LeftOut):
        return LeftOut(f"a header is refused: {told.why}")
    name, count = told.get("op"), told.get("fds", 0)
    operation = table.get(name) if isinstance(name, str) else None
    if operation is None:
        return LeftOut(f"it said {str(name)[:40]!r}, for which nobody waits")
    if body > operation.body:
        return LeftOut(f"{name!r} came with {body:,} bytes")
    if type(count) is not int or count not in operation.descriptors:
        return LeftOut(f"{name!r} came with {str(count)[:10]} descriptors")
    try:
        fields = dict(_taken(operation, told))
    except ValueError as error:
        return LeftOut(f"in {name!r}, {error}")
    if "forms" in fields and sum(size for _, _, size in fields["forms"]) != body:
        return LeftOut("the forms of a value are not what came")
    return {"op": name, "fds": count, **fields}


def _taken(operation: Operation, told: dict[str, Any]) -> list[tuple[str, Any]]:
    taken: list[tuple[str, Any]] = []
    for name, take in {**operation.fields, **operation.optional}.items():
        if name not in told:
            if name in operation.optional:
                continue
            raise ValueError(f"{name!r} is missing")
        try:
            taken.append((name, take(told[name])))
        except ValueError as error:
            raise ValueError(f"{name!r} {error}") from error
    return taken


class Strays:
    """How much may be said that nobody waits for: what threads display between cells, for example.

    A little at any time, or much at once; a flood is no accident.
    """

    _AT_ONCE = 8 << 20
    _PER_SECOND = 64 << 10
    _FRAME = 1 << 10

    def __init__(self) -> None:
        self._left = float(self._AT_ONCE)
        self._seen = time.monotonic()

    def allow(self, size: int) -> bool:
        """Count a frame with so many bytes in its body; false if it is one too many."""
        now = time.monotonic()
        self._left += (now - self._seen) * self._PER_SECOND
        self._left = min(self._left, self._AT_ONCE) - size - self._FRAME
        self._seen = now
        return self._left >= 0

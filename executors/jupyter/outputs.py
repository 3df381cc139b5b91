"""What a cell put out, in order and bounded: text, values in several forms, an exception.

A value stands where it was displayed, also when it is updated later; ``clear_output`` empties all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ...sandbox.output import BoundedText
from ...sandbox.result import RichOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...sandbox.output import Stream

MAX_VALUES = 500
"""Values of one cell that are kept."""
MAX_BYTES = 64 << 20
"""Room for them all."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")


def plain(text: str) -> str:
    """Without the escape sequences by which terminals are told of colours (ECMA-48)."""
    return _ANSI.sub("", text)


@dataclass(slots=True)
class Printed:
    """Text in one stream, until something else comes."""

    stream: Stream
    text: BoundedText


@dataclass(slots=True)
class Shown:
    """A displayed value, or the value of the cell itself."""

    kind: Literal["display_data", "execute_result"]
    data: dict[str, Any]
    metadata: dict[str, Any]
    display_id: str | None = None
    size: int = 0
    """In characters, of all forms together."""
    file: str | None = None
    """The name of the file a picture is saved in."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The exception that ended the cell."""

    name: str
    value: str
    traceback: Sequence[str]
    told: bool = True
    """False for what is no news to whoever reads the text: an exit, or a stop from outside."""

    @property
    def text(self) -> str:
        return (
            ""
            if not self.told
            else plain("\n".join(self.traceback) or f"{self.name}: {self.value}") + "\n"
        )


class Outputs:
    """The outputs of one cell; ``limit`` is in characters, for each stream and for all text."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.dropped = 0
        """Messages and values that were not kept."""
        self._empty()

    def _empty(self) -> None:
        self.items: list[Printed | Shown | Failed] = []
        self._clear_next = False
        self._streams: dict[Stream, BoundedText] = {
            "stdout": BoundedText(self.limit),
            "stderr": BoundedText(self.limit),
        }
        self._values = 0
        self._room = MAX_BYTES
        self._characters = 0

    # --- taking ---

    def printed(self, stream: Stream, text: str) -> None:
        self._clear_if_due()
        self._streams[stream].append(text)
        last = self.items[-1] if self.items else None
        if not (isinstance(last, Printed) and last.stream == stream):
            last = Printed(stream, BoundedText(self.limit))
            self.items.append(last)
        last.text.append(text)
        self._characters += len(text)
        if len(self.items) > 4 * MAX_VALUES or self._characters > 4 * self.limit:
            self._compact()

    def shown(self, value: Shown) -> bool:
        """False if there was no room for it."""
        self._clear_if_due()
        if self._values >= MAX_VALUES or value.size > self._room:
            self.dropped += 1
            return False
        self._values += 1
        self._room -= value.size
        self.items.append(value)
        return True

    def updated(self, value: Shown) -> None:
        """Put another value where those with its ``display_id`` are."""
        for item in self.items:
            if isinstance(item, Shown) and item.display_id == value.display_id:
                if value.size - item.size > self._room:
                    self.dropped += 1
                    continue
                self._room += item.size - value.size
                item.data, item.metadata = value.data, value.metadata
                item.size, item.file = value.size, value.file

    def failed(self, error: Failed) -> None:
        self._clear_if_due()
        self.items.append(error)
        self._streams["stderr"].append(error.text)

    def clear(self, *, wait: bool) -> None:
        """Forget all until now, at once or when something new comes (``clear_output``)."""
        self._clear_next = True
        if not wait:
            self._clear_if_due()

    def _clear_if_due(self) -> None:
        if self._clear_next:
            self._empty()

    def _compact(self) -> None:
        """Printed text between the same two values becomes one piece; its order stays as it was
        as text, and what was printed to stderr among it counts as stdout there."""
        merged: list[Printed | Shown | Failed] = []
        self._characters = 0
        for item in self.items:
            last = merged[-1] if merged else None
            if isinstance(item, Printed) and isinstance(last, Printed):
                last.text.append(str(item.text))
            else:
                merged.append(item)
        self.items = merged

    # --- telling ---

    @property
    def stdout(self) -> str:
        return str(self._streams["stdout"])

    @property
    def stderr(self) -> str:
        return str(self._streams["stderr"])

    @property
    def values(self) -> tuple[RichOutput, ...]:
        return tuple(
            RichOutput(item.data, item.metadata) for item in self.items if isinstance(item, Shown)
        )

    def text(self, describe: Callable[[Shown], str]) -> tuple[str, bool]:
        """All as one text, and whether some of it was dropped; ``describe`` words a value."""
        text = BoundedText(self.limit)
        dropped = bool(self.dropped)
        for item in self.items:
            match item:
                case Printed():
                    text.append(str(item.text))
                    dropped = dropped or item.text.dropped > 0
                case Shown():
                    text.append(describe(item))
                case Failed():
                    text.append(item.text)
        return str(text), dropped or text.dropped > 0

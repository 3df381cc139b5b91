"""What a program prints, bounded: the head and the tail are kept, the middle is counted."""

from __future__ import annotations

import codecs
from collections import Counter, deque
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from .result import OutputEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Stream = Literal["stdout", "stderr"]

DEFAULT_LIMIT = 1 << 20
_SMALL = 1024
"""Characters below which a piece is put together with the next: each takes room of its own."""
_MOST = 1 << 14
"""Pieces of a tail: where both streams print single letters in turn, it is a short one."""
_LONGEST_EVENT = 4096
"""Characters up to which what was printed is told together, if nobody took it meanwhile."""


class BoundedText:
    """Text of which at most ``limit`` characters are kept, half from each end.

    More is streamed: the first ``limit`` characters as they come, so that who watches a long log
    sees as much of it as may be, and the tail at the end.
    """

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._head: list[str] = []
        self._head_room = self._half
        self._tail: deque[tuple[Stream, str]] = deque()
        self._tail_size = self._beyond = 0
        self._live_room = max(limit, 1)
        self._untold: Counter[Stream] = Counter()
        """Characters that were not streamed yet, by stream."""

    def append(self, text: str, stream: Stream = "stdout") -> str:
        """Take more text; returns what of it is streamed now."""
        told = text[: self._live_room]
        self._live_room -= len(told)
        if len(told) < len(text):
            self._untold[stream] += len(text) - len(told)
        head, tail = text[: self._head_room], text[self._head_room :]
        if head:
            self._head_room -= len(head)
            if self._head and len(self._head[-1]) < _SMALL:
                head = self._head.pop() + head
            self._head.append(head)
        if tail:
            self._add_to_tail(tail, stream)
        return told

    def _add_to_tail(self, text: str, stream: Stream) -> None:
        self._beyond += len(text)
        self._tail_size += len(text)
        if self._tail and self._tail[-1][0] == stream and len(self._tail[-1][1]) < _SMALL:
            text = self._tail.pop()[1] + text
        self._tail.append((stream, text))
        while self._tail_size - len(self._tail[0][1]) >= self._half or len(self._tail) > _MOST:
            self._tail_size -= len(self._tail.popleft()[1])

    @property
    def dropped(self) -> int:
        """Characters that were not kept."""
        return self._beyond - min(self._tail_size, self._half)

    def rest(self) -> list[OutputEvent]:
        """What was not streamed yet: the tail, and before it what each stream has lost."""
        tail = self._kept()
        told = sum(len(event.text) for event in tail) - self._untold.total()
        tail = list(_without(tail, max(told, 0)))
        lost = Counter(self._untold)
        for event in tail:
            lost[event.stream] -= len(event.text)
        notes = [OutputEvent(_note(count), stream) for stream, count in lost.items() if count]
        return [*notes, *tail]

    def __str__(self) -> str:
        note = _note(self.dropped) if self.dropped else ""
        return "".join([*self._head, note, *(event.text for event in self._kept())])

    def _kept(self) -> list[OutputEvent]:
        """The tail; the oldest piece of it may hold more than is kept."""
        pieces = groupby(self._tail, itemgetter(0))
        turns = [OutputEvent("".join(map(itemgetter(1), turn)), name) for name, turn in pieces]
        return list(_without(turns, max(self._tail_size - self._half, 0)))


def _without(events: Iterable[OutputEvent], characters: int) -> Iterator[OutputEvent]:
    """The same, but for so many characters at the beginning."""
    for event in events:
        if characters < len(event.text):
            yield OutputEvent(event.text[characters:], event.stream) if characters else event
        characters = max(characters - len(event.text), 0)


def _note(dropped: int) -> str:
    return f"\n[… {dropped:,} characters dropped …]\n"


def add_event(events: deque[Any], event: OutputEvent) -> None:
    """Let an event wait for its reader; small ones become one."""
    last = events[-1] if events else None
    if (
        isinstance(last, OutputEvent)
        and last.stream == event.stream
        and len(last.text) < _LONGEST_EVENT
    ):
        events[-1] = OutputEvent(last.text + event.text, event.stream)
    else:
        events.append(event)


class OutputCollector:
    """Collects the two streams of one run.

    ``limit`` is in characters, for ``output`` and for each stream. Bytes that are not UTF-8
    become U+FFFD; a character cut between two chunks is put together again.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {"stdout": decoder("replace"), "stderr": decoder("replace")}
        self._texts = {"stdout": BoundedText(limit), "stderr": BoundedText(limit)}
        self._output = BoundedText(limit)

    def feed(self, stream: Stream, data: bytes) -> OutputEvent | None:
        """Take a chunk; the event to stream now, if any."""
        return self._take(stream, self._decoders[stream].decode(data))

    def finish(self) -> list[OutputEvent]:
        """The last events: what an unfinished character left behind, and what was not streamed yet.

        All events together tell ``output``, or more than it kept; each stream says what it lost.
        """
        streams: tuple[Stream, Stream] = ("stdout", "stderr")
        events = [self._take(name, self._decoders[name].decode(b"", True)) for name in streams]
        return [*(event for event in events if event is not None), *self._output.rest()]

    def _take(self, stream: Stream, text: str) -> OutputEvent | None:
        if not text:
            return None
        self._texts[stream].append(text)
        told = self._output.append(text, stream)
        return OutputEvent(told, stream) if told else None

    @property
    def output(self) -> str:
        """Both streams in the order of arrival."""
        return str(self._output)

    @property
    def stdout(self) -> str:
        return str(self._texts["stdout"])

    @property
    def stderr(self) -> str:
        return str(self._texts["stderr"])

    @property
    def truncated(self) -> bool:
        """True when something of ``output`` was dropped."""
        return self._output.dropped > 0

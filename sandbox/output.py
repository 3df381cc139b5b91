"""What a program prints, bounded: the head and the tail are kept, the middle is counted."""

from __future__ import annotations

import codecs
from collections import Counter, deque
from itertools import groupby
from operator import itemgetter
from typing import Literal

from .result import OutputEvent

Stream = Literal["stdout", "stderr"]

DEFAULT_LIMIT = 1 << 20
_SMALL = 1024
"""Characters below which a piece is put together with the next: each takes room of its own."""


class BoundedText:
    """Text of which at most ``limit`` characters are kept, half from each end."""

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._head: list[str] = []
        self._head_room = self._half
        self._tail: deque[tuple[Stream, str]] = deque()
        self._tail_size = 0
        self._beyond: Counter[Stream] = Counter()
        """Characters that came after the head, by stream."""

    def append(self, text: str, stream: Stream = "stdout") -> str:
        """Take more text; returns what of it belongs to the head."""
        head, text = text[: self._head_room], text[self._head_room :]
        if head:
            self._head.append(head)
            self._head_room -= len(head)
        if text:
            self._beyond[stream] += len(text)
            self._tail_size += len(text)
            if self._tail and self._tail[-1][0] == stream and len(self._tail[-1][1]) < _SMALL:
                text = self._tail.pop()[1] + text
            self._tail.append((stream, text))
            while self._tail_size - len(self._tail[0][1]) >= self._half:
                self._tail_size -= len(self._tail.popleft()[1])
        return head

    @property
    def dropped(self) -> int:
        """Characters that were not kept."""
        return max(self._beyond.total() - self._half, 0)

    def rest(self) -> list[OutputEvent]:
        """What comes after the head: the tail, and before it what each stream has lost."""
        tail = self._kept()
        lost = Counter(self._beyond)
        for event in tail:
            lost[event.stream] -= len(event.text)
        notes = [OutputEvent(_note(count), stream) for stream, count in lost.items() if count]
        return [*notes, *tail]

    def __str__(self) -> str:
        note = _note(self.dropped) if self.dropped else ""
        return "".join([*self._head, note, *(event.text for event in self._kept())])

    def _kept(self) -> list[OutputEvent]:
        """The tail; the oldest piece of it may hold more than is kept."""
        kept: list[OutputEvent] = []
        excess = max(self._tail_size - self._half, 0)
        for stream, pieces in groupby(self._tail, itemgetter(0)):
            text = "".join(text for _, text in pieces)
            kept.append(OutputEvent(text[excess:], stream))
            excess = 0
        return kept


def _note(dropped: int) -> str:
    return f"\n[… {dropped:,} characters dropped …]\n"


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
        """Take a chunk; the event to stream on, or ``None`` once the head is full."""
        return self._take(stream, self._decoders[stream].decode(data))

    def finish(self) -> list[OutputEvent]:
        """The last events: what an unfinished character left behind, and what is not the head.

        All events together tell ``output``; where both streams lost something, each says so.
        """
        streams: tuple[Stream, Stream] = ("stdout", "stderr")
        events = [self._take(name, self._decoders[name].decode(b"", True)) for name in streams]
        return [*(event for event in events if event is not None), *self._output.rest()]

    def _take(self, stream: Stream, text: str) -> OutputEvent | None:
        if not text:
            return None
        self._texts[stream].append(text)
        head = self._output.append(text, stream)
        return OutputEvent(head, stream) if head else None

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

"""What a program prints, bounded: the head and the tail are kept, the middle is counted."""

from __future__ import annotations

import codecs
from collections import deque
from typing import Literal

from .result import OutputEvent

Stream = Literal["stdout", "stderr"]

DEFAULT_LIMIT = 1 << 20


class BoundedText:
    """Text of which at most ``limit`` characters are kept, half from each end."""

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._head: list[str] = []
        self._head_room = self._half
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._total = 0

    def append(self, text: str) -> None:
        self._total += len(text)
        if self._head_room:
            self._head.append(text[: self._head_room])
            text = text[self._head_room :]
            self._head_room -= len(self._head[-1])
        if text:
            self._tail.append(text)
            self._tail_size += len(text)
            while self._tail_size - len(self._tail[0]) >= self._half:
                self._tail_size -= len(self._tail.popleft())

    @property
    def dropped(self) -> int:
        """Characters that were not kept."""
        return max(self._total - 2 * self._half, 0)

    def __str__(self) -> str:
        head, tail = "".join(self._head), "".join(self._tail)[-self._half :]
        if not self.dropped:
            return head + tail
        return f"{head}\n[… {self.dropped:,} characters dropped …]\n{tail}"


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
        self._event_room = limit

    def feed(self, stream: Stream, data: bytes) -> OutputEvent | None:
        """Take a chunk; the event to stream on, or ``None`` once ``limit`` has been streamed."""
        return self._take(stream, self._decoders[stream].decode(data))

    def finish(self) -> list[OutputEvent]:
        """Flush what an unfinished character left behind."""
        streams: tuple[Stream, Stream] = ("stdout", "stderr")
        events = (self._take(name, self._decoders[name].decode(b"", True)) for name in streams)
        return [event for event in events if event is not None]

    def _take(self, stream: Stream, text: str) -> OutputEvent | None:
        if not text:
            return None
        self._texts[stream].append(text)
        self._output.append(text)
        if not self._event_room:
            return None
        text = text[: self._event_room]
        self._event_room -= len(text)
        return OutputEvent(text, stream)

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

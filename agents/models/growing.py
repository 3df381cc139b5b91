"""Prompts that mostly change at their end, as those of a conversation do."""

from collections.abc import Sequence

from .types import LLMMessage


class Growing:
    """Tells what of a prompt is new, so that nobody walks a long conversation anew each turn.

    Finding that out is no walk: two lists of the same objects are compared in the interpreter.
    """

    def __init__(self) -> None:
        self._known: list[LLMMessage] = []

    def same(self, messages: Sequence[LLMMessage]) -> int:
        """How many messages at the beginning are those of the last time, at least."""
        known, self._known = self._known, list(messages)
        size, step = min(len(known), len(messages)), 1
        while known[:size] != self._known[:size]:
            size, step = max(0, size - step), step * 2
        return size

"""Messages that belong together, and which of them are never left out.

A tool call and its results are one unit: servers refuse one without the other. The instructions in
front and the task, the first thing somebody said, are always shown.
"""

from collections.abc import Iterable, Sequence

from ..models.growing import Growing
from ..models.types import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)

Unit = list[LLMMessage]


class Units:
    """The units of a conversation; what was looked at once is not looked at again."""

    def __init__(self) -> None:
        self._growing = Growing()
        self._units: list[Unit] = []
        self._places: list[int] = []

    def of(self, messages: Sequence[LLMMessage]) -> list[Unit]:
        """As :func:`units_of`; the list is not to be changed."""
        start = self._growing.same(messages)
        while self._places and self._places[-1] >= start:
            self._drop_last()
        if self._places:  # The last one may go on.
            start = self._drop_last()
        for place in range(start, len(messages)):
            self._add(messages[place], place)
        return self._units

    def _add(self, message: LLMMessage, place: int) -> None:
        if not isinstance(message, FunctionExecutionResultMessage):
            self._units.append([message])
            self._places.append(place)
        elif self._units and _is_call(self._units[-1][0]):
            self._units[-1].append(message)

    def _drop_last(self) -> int:
        self._units.pop()
        return self._places.pop()


def units_of(messages: Sequence[LLMMessage]) -> list[Unit]:
    """The messages, those that belong together in one unit; results without a call are dropped."""
    return Units().of(messages)


def pinned(units: Sequence[Unit]) -> int:
    """How many units in front are always shown: instructions, and the task after them."""
    for index, unit in enumerate(units):
        if isinstance(unit[0], UserMessage):
            return index + 1
        if not isinstance(unit[0], SystemMessage):
            break
    return 0


def task_of(messages: Iterable[LLMMessage]) -> int | None:
    """The place of the task."""
    return next((i for i, m in enumerate(messages) if isinstance(m, UserMessage)), None)


def reminders(messages: Sequence[LLMMessage | Unit]) -> int:
    """How many messages at the end are what a memory brought up: they take nobody's place."""
    count = 0
    while count < len(messages):
        last = messages[-1 - count]
        if not isinstance(last[0] if isinstance(last, list) else last, SystemMessage):
            break
        count += 1
    return count


def tail(units: Sequence[Unit], size: int) -> int:
    """Where the last units of together at most ``size`` messages begin; one unit at least.

    Reminders do not count.
    """
    last = len(units) - reminders(units)
    start = last
    while start > 0 and (size >= len(units[start - 1]) or start == last):
        start -= 1
        size -= len(units[start])
    return start


def last_messages(messages: Sequence[LLMMessage], size: int) -> int:
    """The same in messages, without a look at those before: where the last ``size`` begin."""
    end = len(messages) - reminders(messages)
    start = max(0, end - size)
    while start < end and isinstance(messages[start], FunctionExecutionResultMessage):
        start += 1
    if start == end:
        # Nothing but the results of one answer: with their call, then.
        start = max(0, end - 1)
        while start > 0 and isinstance(messages[start], FunctionExecutionResultMessage):
            start -= 1
    return start


def head(units: Sequence[Unit], size: int) -> int:
    """Where the first units of together at most ``size`` messages end."""
    end = 0
    while end < len(units) and size >= len(units[end]):
        size -= len(units[end])
        end += 1
    return end


def flat(units: Sequence[Unit]) -> list[LLMMessage]:
    return [message for unit in units for message in unit]


def _is_call(message: LLMMessage) -> bool:
    return isinstance(message, AssistantMessage) and not isinstance(message.content, str)

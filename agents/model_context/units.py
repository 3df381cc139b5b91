"""Messages that belong together, and which of them are never left out.

A tool call and its results are one unit: servers refuse one without the other. The instructions in
front and the task, the first thing somebody said, are always shown.
"""

from collections.abc import Sequence

from ..models.types import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)

Unit = list[LLMMessage]


def units_of(messages: Sequence[LLMMessage]) -> list[Unit]:
    """The messages, those that belong together in one unit; results without a call are dropped."""
    units: list[Unit] = []
    for message in messages:
        if isinstance(message, FunctionExecutionResultMessage):
            if units and _is_call(units[-1][0]):
                units[-1].append(message)
        else:
            units.append([message])
    return units


def pinned(units: Sequence[Unit]) -> int:
    """How many units in front are always shown: instructions, and the task after them."""
    for index, unit in enumerate(units):
        if isinstance(unit[0], UserMessage):
            return index + 1
        if not isinstance(unit[0], SystemMessage):
            break
    return 0


def task_of(messages: Sequence[LLMMessage]) -> int | None:
    """The place of the task."""
    return next((i for i, m in enumerate(messages) if isinstance(m, UserMessage)), None)


def reminders(messages: Sequence[LLMMessage]) -> int:
    """How many messages at the end are what a memory brought up: they take nobody's place."""
    count = 0
    while count < len(messages) and isinstance(messages[-1 - count], SystemMessage):
        count += 1
    return count


def tail(units: Sequence[Unit], size: int) -> int:
    """Where the last units of together at most ``size`` messages begin; one unit at least.

    Reminders do not count.
    """
    last = len(units) - reminders([unit[0] for unit in units])
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

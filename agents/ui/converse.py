"""A run that the person at the terminal can interrupt, and go on with."""

import asyncio
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from ..base.task import Task, TaskResult
from ..base.team import Team
from ..messages import BaseAgentEvent, BaseChatMessage
from ..user_input import ask_at_terminal
from .console import Console

T = TypeVar("T")
Stream = AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]

_QUESTION = (
    "\nInterrupted. Enter goes on, words are told to the team first, q (or Ctrl-C again) stops: "
)


async def converse(
    team: Team,
    task: Task = None,
    *,
    show: Callable[[Stream], Coroutine[Any, Any, TaskResult]] = Console,
    ask: Callable[[str], Awaitable[str]] | None = None,
) -> TaskResult:
    """Run a task on the console; Ctrl-C interrupts the turn and asks, twice stops all.

    An interrupted turn leaves nothing running and nothing in the memory of its agent; when the run
    goes on it is taken again by the same speaker.

    Parameters
    ----------
    team, task:
        Who works, and on what.
    show:
        Shows one stream and gives its result.
    ask:
        Asks the person; by default at the terminal, and without one Ctrl-C stops all at once.

    Raises
    ------
    KeyboardInterrupt
        The person stopped it.
    """
    if ask is None and sys.stdin.isatty():
        ask = ask_at_terminal
    interrupts = _Interrupts()
    with interrupts.heeded():
        while True:
            result = await interrupts.guard(show(team.run_stream(task=task)))
            if result is not None:
                return result
            if ask is None or interrupts.twice:
                raise KeyboardInterrupt
            words = await interrupts.guard(_answer(ask))
            if words is None or words.lower() == "q":
                raise KeyboardInterrupt
            interrupts.twice = False
            task = words or None


async def _answer(ask: Callable[[str], Awaitable[str]]) -> str:
    try:
        return (await ask(_QUESTION)).strip()
    except EOFError:
        return "q"


class _Interrupts:
    """Ctrl-C, as the cancellation of what is being waited for."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._once = False
        self.twice = False
        """It was pressed again while the first was being heeded."""

    @contextmanager
    def heeded(self) -> Generator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # Signals are for the main thread: the program around this heeds them.
            return
        before = signal.getsignal(signal.SIGINT)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._pressed)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)

    def _pressed(self) -> None:
        if self._once:
            # What is ending is let end, so that nothing is left behind.
            self.twice = True
        elif self._task is not None:
            self._once = True
            self._task.cancel()

    async def guard(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What ``work`` gives; ``None`` if it was interrupted. It has ended in any case."""
        task = self._task = asyncio.create_task(work)
        self._once = False
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        finally:
            self._task = None
        return None if self._once and task.cancelled() else task.result()

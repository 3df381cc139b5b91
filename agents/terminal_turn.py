"""One question at a time at the terminal, and nothing else on it until it is answered."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary


class _Turn:
    """Whose turn it is in one event loop."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.owner: asyncio.Task[object] | None = None


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turn] = WeakKeyDictionary()


@asynccontextmanager
async def terminal_turn() -> AsyncGenerator[None]:
    """Wait until nobody else asks or prints, and keep them waiting.

    Agents that work side by side would mix their questions: one's code would be on the screen
    while the other's is approved. Inside of its own turn a task does not wait for itself.
    """
    turn = _turns.setdefault(asyncio.get_running_loop(), _Turn())
    task = asyncio.current_task()
    if turn.owner is task:
        yield
        return
    async with turn.lock:
        turn.owner = task
        try:
            yield
        finally:
            turn.owner = None


def terminal_is_taken() -> bool:
    """Whether it is anybody's turn, in the running loop."""
    turn = _turns.get(asyncio.get_running_loop())
    return turn is not None and turn.lock.locked()

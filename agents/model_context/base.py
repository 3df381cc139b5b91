"""The interface of a model context."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ...sandbox.errors import UsageError
from ..models.types import LLMMessage

_PATIENCE = 5.0  # seconds: much longer than it takes to kill what an abandoned turn was doing


class ChatCompletionContextState(BaseModel):
    """A context as JSON."""

    model_config = ConfigDict(defer_build=True)

    messages: list[LLMMessage] = Field(default_factory=list[LLMMessage])


class ChatCompletionContext(ABC):
    """Keeps messages, and chooses which of them the model is shown.

    Parameters
    ----------
    initial_messages:
        Messages that are there from the beginning, and again after :meth:`clear`.
    """

    def __init__(self, initial_messages: Sequence[LLMMessage] | None = None) -> None:
        self._initial_messages = list(initial_messages or ())
        self._messages: list[LLMMessage] = list(self._initial_messages)
        self._turn: _Turn | None = None

    async def add_message(self, message: LLMMessage) -> None:
        self._messages.append(message)

    @abstractmethod
    async def get_messages(self) -> list[LLMMessage]:
        """The messages the model is shown."""

    async def clear(self) -> None:
        """Forget everything but the initial messages."""
        self._messages = list(self._initial_messages)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        """Keep what is added inside only if the block ends well.

        So a turn that was interrupted, or whose model call failed, can be taken again without
        anything being in the context twice. Meanwhile :meth:`save_state` gives what was before.
        A turn whose stream was left with ``break`` is closed by the event loop a moment later;
        the next one waits for that.

        Raises
        ------
        UsageError
            Another turn is going on, and does not end.
        """
        while self._turn is not None:
            await self._turn.over()
        turn = self._turn = _Turn(before=len(self._messages))
        try:
            yield
        except BaseException:
            del self._messages[turn.before :]
            raise
        finally:
            self._turn = None
            turn.ended.set()

    async def save_state(self) -> Mapping[str, Any]:
        messages = self._messages if self._turn is None else self._messages[: self._turn.before]
        return ChatCompletionContextState(messages=messages).model_dump(mode="json")

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a saved state.

        Raises
        ------
        pydantic.ValidationError
            It is not the state of a context.
        """
        self._messages = ChatCompletionContextState.model_validate(state).messages


@dataclass(frozen=True, slots=True)
class _Turn:
    """A turn that is being taken."""

    before: int
    """Messages there were when it began."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def over(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.ended.wait()
        except TimeoutError:
            raise UsageError(
                "An agent takes one turn at a time, and this one has not ended its last. Give "
                "each task an agent of its own, or close the stream of the turn."
            ) from None

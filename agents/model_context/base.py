"""The interface of a model context."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...sandbox.errors import UsageError
from ..models.types import LLMMessage
from ..models.usage import RequestUsage

_PATIENCE = 5.0  # seconds: much longer than it takes to kill what an abandoned turn was doing


class ChatCompletionContextState(BaseModel):
    """A context as JSON."""

    model_config = ConfigDict(defer_build=True)

    version: Literal["1.0.0"] = "1.0.0"
    messages: list[LLMMessage] = Field(default_factory=list[LLMMessage])

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> Self:
        """Check a saved state.

        Raises
        ------
        UsageError
            It is not one of this kind and version.
        """
        try:
            return cls.model_validate(state)
        except ValidationError as error:
            raise UsageError(f"This is not the state of a model context: {error}") from error


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

    async def replace_message(
        self, is_old: Callable[[LLMMessage], bool], new: LLMMessage | None
    ) -> None:
        """Take out the last message that fits, and add ``new``: for what is told anew each turn."""
        for place in range(len(self._messages) - 1, -1, -1):
            if is_old(self._messages[place]):
                if self._turn is not None:
                    self._turn.keep(self._messages)
                del self._messages[place]
                break
        if new is not None:
            await self.add_message(new)

    def take_usage(self) -> RequestUsage | None:
        """The tokens this context itself used since the last look, where it asks a model."""
        return None

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
            self._messages = turn.undone(self._messages)
            raise
        finally:
            self._turn = None
            turn.ended.set()

    async def save_state(self) -> Mapping[str, Any]:
        return ChatCompletionContextState(messages=self._complete()).model_dump(mode="json")

    def _complete(self) -> list[LLMMessage]:
        """The messages of all turns that are over."""
        return self._messages if self._turn is None else self._turn.undone(self._messages)

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a saved state.

        Raises
        ------
        UsageError
            It is not the state of a context.
        """
        self._messages = ChatCompletionContextState.read(state).messages


@dataclass(slots=True)
class _Turn:
    """A turn that is being taken."""

    before: int
    """Messages there were when it began."""
    kept: list[LLMMessage] | None = None
    """These, if some were taken out since."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def keep(self, messages: Sequence[LLMMessage]) -> None:
        """Some are about to be taken out."""
        if self.kept is None:
            self.kept = list(messages[: self.before])

    def undone(self, messages: list[LLMMessage]) -> list[LLMMessage]:
        return messages[: self.before] if self.kept is None else self.kept

    async def over(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.ended.wait()
        except TimeoutError:
            raise UsageError(
                "An agent takes one turn at a time, and this one has not ended its last. Give "
                "each task an agent of its own, or close the stream of the turn."
            ) from None

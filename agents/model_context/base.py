"""The interface of a model context."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ..models.types import LLMMessage


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
        self._committed: int | None = None

    async def add_message(self, message: LLMMessage) -> None:
        self._messages.append(message)

    @abstractmethod
    async def get_messages(self) -> list[LLMMessage]:
        """The messages the model is shown."""

    async def clear(self) -> None:
        """Forget everything but the initial messages."""
        self._messages = list(self._initial_messages)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Keep what is added inside only if the block ends well.

        So a turn that was interrupted, or whose model call failed, can be taken again without
        anything being in the context twice. Meanwhile :meth:`save_state` gives what was before.
        """
        before = self._committed = len(self._messages)
        try:
            yield
        except BaseException:
            del self._messages[before:]
            raise
        finally:
            self._committed = None

    async def save_state(self) -> Mapping[str, Any]:
        messages = self._messages[: self._committed]
        return ChatCompletionContextState(messages=messages).model_dump(mode="json")

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a saved state.

        Raises
        ------
        pydantic.ValidationError
            It is not the state of a context.
        """
        self._messages = ChatCompletionContextState.model_validate(state).messages

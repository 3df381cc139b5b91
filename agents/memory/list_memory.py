"""A memory that is a list."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...sandbox.errors import UsageError
from ..model_context import ChatCompletionContext
from ..models.text import on_one_line
from ..models.types import LLMMessage, SystemMessage
from ..runtime import CancellationToken
from .base import Memory
from .content import MemoryContent, MemoryQueryResult, UpdateContextResult


class ListMemoryState(BaseModel):
    """The list as JSON."""

    model_config = ConfigDict(defer_build=True)

    type: Literal["ListMemoryState"] = "ListMemoryState"
    version: Literal["1.0.0"] = "1.0.0"
    memory_contents: list[MemoryContent]
    told: list[str] = Field(default_factory=list[str])


class ListMemory(Memory):
    """Remembers everything in order, and tells all of it, in one system message.

    The message is always the last one, and there is only one: it takes the place of its
    predecessor, so that the prompt does not grow from turn to turn.

    Parameters
    ----------
    name:
        For the caller's own use.
    memory_contents:
        What it knows from the beginning.
    """

    def __init__(
        self, name: str | None = None, memory_contents: Sequence[MemoryContent] | None = None
    ) -> None:
        self._name = name or "default_list_memory"
        self._contents = list(memory_contents or ())
        # Digests of what was told: how a message of ours is known again in any context, also in
        # one that was loaded, or that took back a turn which failed.
        self._told: set[str] = set()

    @property
    def name(self) -> str:
        return self._name

    @property
    def content(self) -> list[MemoryContent]:
        """What it remembers; the caller may change the list by setting it."""
        return self._contents

    @content.setter
    def content(self, value: Sequence[MemoryContent]) -> None:
        self._contents = list(value)

    async def update_context(self, model_context: ChatCompletionContext) -> UpdateContextResult:
        message = self._message()
        if message is not None:
            self._told.add(_digest(message.content))
        await model_context.replace_message(self._is_ours, message)
        return UpdateContextResult(memories=MemoryQueryResult(results=list(self._contents)))

    def _message(self) -> SystemMessage | None:
        if not self._contents:
            return None
        # One line each, so that no content can pass for the next.
        lines = [
            f"{number}. {on_one_line(item.to_text())}"
            for number, item in enumerate(self._contents, 1)
        ]
        return SystemMessage(
            content="\nRelevant memory content (in chronological order):\n" + "\n".join(lines)
        )

    def _is_ours(self, message: LLMMessage) -> bool:
        return isinstance(message, SystemMessage) and _digest(message.content) in self._told

    async def query(
        self,
        query: str | MemoryContent = "",
        cancellation_token: CancellationToken | None = None,
        **kwargs: Any,
    ) -> MemoryQueryResult:
        """Everything, whatever is asked."""
        return MemoryQueryResult(results=list(self._contents))

    async def add(
        self, content: MemoryContent, cancellation_token: CancellationToken | None = None
    ) -> None:
        self._contents.append(content)

    async def clear(self) -> None:
        self._contents = []

    async def close(self) -> None:
        """Nothing is held."""

    async def save_state(self) -> Mapping[str, Any]:
        return ListMemoryState(memory_contents=self._contents, told=sorted(self._told)).model_dump(
            mode="json"
        )

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a saved state.

        Raises
        ------
        UsageError
            It is not the state of a list memory.
        """
        try:
            saved = ListMemoryState.model_validate(state)
        except ValidationError as error:
            raise UsageError(f"This is not the state of a ListMemory: {error}") from error
        self._contents = saved.memory_contents
        self._told |= set(saved.told)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

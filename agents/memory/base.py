"""The interface of a memory."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from ..model_context import ChatCompletionContext
from ..runtime import CancellationToken
from .content import MemoryContent, MemoryQueryResult, UpdateContextResult


class Memory(ABC):
    """Remembers things beyond a conversation, and brings them up in it."""

    @abstractmethod
    async def update_context(self, model_context: ChatCompletionContext) -> UpdateContextResult:
        """Put what fits the conversation into it, and say what that was."""

    @abstractmethod
    async def query(
        self,
        query: str | MemoryContent,
        cancellation_token: CancellationToken | None = None,
        **kwargs: Any,
    ) -> MemoryQueryResult:
        """Find what fits."""

    @abstractmethod
    async def add(
        self, content: MemoryContent, cancellation_token: CancellationToken | None = None
    ) -> None:
        """Remember something."""

    @abstractmethod
    async def clear(self) -> None:
        """Forget everything."""

    @abstractmethod
    async def close(self) -> None:
        """Release what the memory holds; idempotent."""

    async def save_state(self) -> Mapping[str, Any]:
        """What has to be saved with the conversation; nothing where a store keeps it all."""
        return {}

    async def load_state(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Go back to a saved state; by default there is none."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

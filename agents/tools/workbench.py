"""The interface of a workbench: a set of tools that belong together."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from types import TracebackType
from typing import Any, Self

from ..runtime import CancellationToken
from .result import ToolResult
from .schema import ToolSchema


class Workbench(ABC):
    """Tools that share a place, a state, a connection; which tools there are may change."""

    @abstractmethod
    async def list_tools(self) -> list[ToolSchema]:
        """The tools there are now."""

    @abstractmethod
    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        """Call a tool; a failure of the tool is a result with ``is_error``."""

    async def start(self) -> None:  # noqa: B027
        """Nothing to do by default."""

    async def stop(self) -> None:  # noqa: B027
        """Nothing to do by default."""

    async def reset(self) -> None:  # noqa: B027
        """Nothing to do by default."""

    async def save_state(self) -> Mapping[str, Any]:
        """Nothing is remembered by default."""
        return {}

    async def load_state(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Nothing is remembered by default."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()


class StreamWorkbench(Workbench, ABC):
    """A workbench whose tools tell what they do while they work."""

    @abstractmethod
    def call_tool_stream(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> AsyncGenerator[Any | ToolResult, None]:
        """Call a tool, and tell what it tells; the :class:`ToolResult` comes last."""

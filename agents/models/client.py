"""The interface of a model client."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ..runtime import CancellationToken
from .info import ModelInfo
from .types import CreateResult, LLMMessage
from .usage import RequestUsage


class ChatCompletionClient(ABC):
    """Asks one model. Names and signatures are AutoGen's."""

    @abstractmethod
    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Any] = (),
        tool_choice: Any = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        """Ask, and wait for the whole answer.

        Raises
        ------
        BackendError
            There is no answer to be had; the message says why and what to do.
        asyncio.CancelledError
            The token was cancelled.
        """

    @abstractmethod
    def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Any] = (),
        tool_choice: Any = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """Ask, and get the answer in pieces; the whole :class:`CreateResult` comes last.

        Raises
        ------
        BackendError
            As for :meth:`create`.
        """

    def fingerprint(self) -> Mapping[str, Any]:
        """What answers depend on beside the question: the model, its server, its settings.

        For keys of caches, so as JSON and without secrets.
        """
        return {"client": type(self).__qualname__, "model_info": dict(self.model_info)}

    @abstractmethod
    async def close(self) -> None:
        """Release connections; idempotent."""

    @abstractmethod
    def actual_usage(self) -> RequestUsage:
        """The tokens the server was asked for; answers out of a cache do not count."""

    @abstractmethod
    def total_usage(self) -> RequestUsage:
        """The tokens of all answers."""

    @abstractmethod
    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Any] = ()) -> int:
        """How many tokens the messages are; an estimate where only the server knows."""

    @abstractmethod
    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Any] = ()) -> int:
        """How many tokens fit beside the messages; negative when they are too many."""

    @property
    @abstractmethod
    def model_info(self) -> ModelInfo:
        """What the model can do."""

    @property
    def capabilities(self) -> ModelInfo:
        """The old name of :attr:`model_info`."""
        return self.model_info

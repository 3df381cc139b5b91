"""A model, and what it has heard: the part that agents who think have in common."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Any

from ..sandbox.errors import BackendCrashed
from .messages import (
    BaseChatMessage,
    HandoffMessage,
    ModelClientStreamingChunkEvent,
    ThoughtEvent,
)
from .model_context import ChatCompletionContext
from .models import (
    AssistantMessage,
    ChatCompletionClient,
    CreateResult,
    LLMMessage,
    RequestUsage,
    SystemMessage,
    UserMessage,
)
from .runtime import CancellationToken
from .utils import remove_images


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said."""

    content: str
    usage: RequestUsage
    message_id: str
    """The id the streamed pieces refer to."""


class Dialogue:
    """Asks a model in the name of an agent.

    Parameters
    ----------
    name:
        The agent's.
    client, context:
        The model, and what it is shown.
    system_message:
        Said first, if anything.
    stream:
        Tell the answer in pieces too.
    """

    def __init__(
        self,
        name: str,
        client: ChatCompletionClient,
        context: ChatCompletionContext,
        *,
        system_message: str | None,
        stream: bool,
    ) -> None:
        self.client = client
        self.context = context
        self._name = name
        self._system: list[LLMMessage] = (
            [] if system_message is None else [SystemMessage(content=system_message)]
        )
        self._stream = stream

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Forget again what is heard and said inside, unless the block ends well."""
        return self.context.transaction()

    async def hear(self, messages: Sequence[BaseChatMessage]) -> None:
        """Take in what other agents said."""
        for message in messages:
            if isinstance(message, HandoffMessage):
                for known in message.context:
                    await self.context.add_message(known)
            await self.context.add_message(message.to_model_message())

    async def hear_text(self, text: str) -> None:
        """Take in what the agent itself has to report to its model."""
        await self.context.add_message(UserMessage(content=text, source=self._name))

    async def prompt(self) -> list[LLMMessage]:
        """What the model would be shown now."""
        messages = [*self._system, *await self.context.get_messages()]
        return messages if self.client.model_info["vision"] else remove_images(messages)

    async def ask(
        self, message_id: str, token: CancellationToken
    ) -> AsyncGenerator[ModelClientStreamingChunkEvent | ThoughtEvent | Answer, None]:
        """Let the model speak, and remember what it said; the :class:`Answer` comes last.

        Raises
        ------
        BackendError
            There is no answer to be had.
        """
        result: CreateResult | None = None
        async with aclosing(self._pieces(token)) as pieces:
            async for piece in pieces:
                if isinstance(piece, CreateResult):
                    result = piece
                else:
                    yield ModelClientStreamingChunkEvent(
                        content=piece, source=self._name, full_message_id=message_id
                    )
        if result is None or not isinstance(result.content, str):
            what = "nothing" if result is None else "a call of a tool it was not given"
            raise BackendCrashed(f"The model of agent {self._name!r} answered with {what}.")
        if result.thought:
            yield ThoughtEvent(content=result.thought, source=self._name)
        await self.context.add_message(
            AssistantMessage(content=result.content, thought=result.thought, source=self._name)
        )
        yield Answer(result.content, result.usage, message_id)

    async def _pieces(self, token: CancellationToken) -> AsyncGenerator[str | CreateResult, None]:
        prompt = await self.prompt()
        if not self._stream:
            yield await self.client.create(prompt, cancellation_token=token)
            return
        async with aclosing(self.client.create_stream(prompt, cancellation_token=token)) as pieces:
            async for piece in pieces:
                yield piece

    async def clear(self) -> None:
        await self.context.clear()

    async def save(self) -> Mapping[str, Any]:
        return await self.context.save_state()

    async def load(self, state: Mapping[str, Any]) -> None:
        await self.context.load_state(state)

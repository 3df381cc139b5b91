"""What all agents share; the base for one's own."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from ..sandbox.errors import UsageError
from .base.chat_agent import ChatAgent, Response, take_turn
from .base.task import Task, TaskResult, task_messages
from .messages import BaseAgentEvent, BaseChatMessage
from .models.usage import sum_usage
from .runtime import CancellationToken, cancellable
from .state import BaseState


class BaseChatAgent(ChatAgent, ABC):
    """An agent that only has to say how it answers: :meth:`on_messages` and :meth:`on_reset`.

    Parameters
    ----------
    name:
        A Python identifier, unique in a team.
    description:
        What the agent is good for.

    Raises
    ------
    UsageError
        The name is no identifier.
    """

    def __init__(self, name: str, description: str) -> None:
        if not name.isidentifier():
            raise UsageError(
                f"An agent's name must be a Python identifier, so that models can say it: {name!r}."
            )
        self._name = name
        self._description = description

    @property
    def name(self) -> str:
        return self._name

    @property
    def description(self) -> str:
        return self._description

    @property
    @abstractmethod
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]: ...

    @abstractmethod
    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response: ...

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """Take a turn by :meth:`on_messages`."""
        response = await self.on_messages(messages, cancellation_token)
        for inner in response.inner_messages or ():
            yield inner
        yield response

    async def run_stream(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        given = task_messages(task)
        shown = given if output_task_messages else []
        for message in shown:
            yield message
        produced: list[BaseAgentEvent | BaseChatMessage] = []
        turn = take_turn(self, given, cancellation_token or CancellationToken())
        async with aclosing(cancellable(turn, cancellation_token)) as items:
            async for item in items:
                entry = item.chat_message if isinstance(item, Response) else item
                if not (isinstance(entry, BaseAgentEvent) and entry.transient):
                    produced.append(entry)
                yield entry
        yield TaskResult(
            messages=[*shown, *produced],
            usage=sum_usage(entry.models_usage for entry in produced),
        )

    @abstractmethod
    async def on_reset(self, cancellation_token: CancellationToken) -> None: ...

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        """Nothing to do by default."""

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        """Nothing to do by default."""

    async def save_state(self) -> Mapping[str, Any]:
        """Nothing is remembered by default."""
        return BaseState().model_dump()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered by default."""
        BaseState.read(state)

    async def close(self) -> None:
        """Nothing is held by default."""


async def final_response(
    stream: AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None],
) -> Response:
    """The response at the end of a turn, for agents whose work is :meth:`on_messages_stream`."""
    response: Response | None = None
    async with aclosing(stream):
        async for item in stream:
            if isinstance(item, Response):
                response = item
    assert response is not None, "our own agents always answer"
    return response

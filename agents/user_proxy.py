"""The agent behind which a person sits."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import cast
from uuid import uuid4

from ..sandbox.errors import UsageError
from ..sandbox.intake.names import shown_name
from .base.chat_agent import Response
from .chat_agent import BaseChatAgent, final_response
from .messages import (
    BaseAgentEvent,
    BaseChatMessage,
    HandoffMessage,
    TextMessage,
    UserInputRequestedEvent,
)
from .runtime import CancellationToken, cancel_scope
from .runtime.threads import in_thread, is_async
from .user_input import ask_at_terminal

SyncInputFunc = Callable[[str], str]
AsyncInputFunc = Callable[[str, CancellationToken | None], Awaitable[str]]
InputFuncType = SyncInputFunc | AsyncInputFunc

_PROMPT = "Enter your response: "


class UserProxyAgent(BaseChatAgent):
    """Answers with what a person says.

    Parameters
    ----------
    name:
        A Python identifier, unique in a team.
    description:
        Who the person is.
    input_func:
        ``func(prompt)``, called in a thread, or ``async func(prompt, cancellation_token)``; by
        default the terminal is read. The wait can be cancelled whatever the function does.
    """

    class InputRequestContext:
        """Tells an input function which request it answers."""

        _current: ContextVar[str] = ContextVar("sandcrew_input_request")

        @classmethod
        @contextmanager
        def populate_context(cls, request_id: str) -> Generator[None]:
            mark = cls._current.set(request_id)
            try:
                yield
            finally:
                cls._current.reset(mark)

        @classmethod
        def request_id(cls) -> str:
            """The id of the :class:`UserInputRequestedEvent` that is being answered.

            Raises
            ------
            UsageError
                No input function is being called.
            """
            try:
                return cls._current.get()
            except LookupError:
                raise UsageError(
                    "InputRequestContext.request_id() works only inside of an input function."
                ) from None

    def __init__(
        self,
        name: str,
        *,
        description: str = "A human user",
        input_func: InputFuncType | None = None,
    ) -> None:
        super().__init__(name, description)
        self._input_func = input_func

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage, HandoffMessage)

    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        return await final_response(self.on_messages_stream(messages, cancellation_token))

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        request = UserInputRequestedEvent(request_id=str(uuid4()), source=self.name)
        yield request
        handoff = _handoff_to(self.name, messages)
        prompt = (
            _PROMPT
            if handoff is None
            else f"Handoff received from {shown_name(handoff.source)}. {_PROMPT}"
        )
        with (
            cancel_scope(cancellation_token),
            self.InputRequestContext.populate_context(request.request_id),
        ):
            text = await self._ask(prompt, cancellation_token)
        message: BaseChatMessage
        if handoff is None:
            message = TextMessage(content=text, source=self.name)
        else:
            message = HandoffMessage(content=text, target=handoff.source, source=self.name)
        yield Response(chat_message=message, inner_messages=[request])

    async def _ask(self, prompt: str, token: CancellationToken) -> str:
        if self._input_func is None:
            return await ask_at_terminal(prompt)
        return await call_input_func(self._input_func, prompt, token)

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Nothing is remembered here."""


async def call_input_func(func: InputFuncType, prompt: str, token: CancellationToken | None) -> str:
    """What ``func`` gives; a blocking one is called in a thread, so that the wait can end."""
    if is_async(func):
        return await cast("AsyncInputFunc", func)(prompt, token)
    return await in_thread(lambda: cast("SyncInputFunc", func)(prompt))


def _handoff_to(name: str, messages: Sequence[BaseChatMessage]) -> HandoffMessage | None:
    """The last handoff, if it was to this agent."""
    for message in reversed(messages):
        if isinstance(message, HandoffMessage):
            return message if message.target == name else None
    return None

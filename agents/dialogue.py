"""A model, and what it has heard: the part that agents who think have in common."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from pydantic import BaseModel

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
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    RequestUsage,
    SystemMessage,
    UserMessage,
)
from .models.growing import Growing
from .models.structured import structured_request
from .runtime import CancellationToken, FunctionCall, cancel_scope
from .utils import remove_images

if TYPE_CHECKING:
    from .tools import ToolSchema


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said."""

    content: str
    usage: RequestUsage
    message_id: str
    """The id the streamed pieces refer to."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the model wants done before it answers."""

    calls: list[FunctionCall]
    thought: str | None
    usage: RequestUsage
    message_id: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked for beside plain words."""

    tools: "Sequence[ToolSchema]" = ()
    tool_choice: Literal["auto", "none"] = "auto"
    answer_type: type[BaseModel] | None = None
    """Answer with the JSON of this."""


Telling = ModelClientStreamingChunkEvent | ThoughtEvent


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
        self._growing = Growing()
        self._blind: list[LLMMessage] = []
        """The last prompt of a model that cannot see."""

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
        return messages if self.client.model_info["vision"] else self._without_images(messages)

    def _without_images(self, messages: list[LLMMessage]) -> list[LLMMessage]:
        start = self._growing.same(messages)
        self._blind[start:] = remove_images(messages[start:])
        return list(self._blind)

    async def hear_results(self, wish: Wish, results: Sequence[FunctionExecutionResult]) -> None:
        """Take in what tools gave; one never stands without the other."""
        await self.context.add_message(
            AssistantMessage(content=wish.calls, thought=wish.thought, source=self._name)
        )
        await self.context.add_message(FunctionExecutionResultMessage(content=list(results)))

    async def ask(
        self, message_id: str, token: CancellationToken
    ) -> AsyncGenerator[Telling | Answer, None]:
        """Let the model speak, and remember what it said; the :class:`Answer` comes last.

        Raises
        ------
        BackendError
            There is no answer to be had.
        """
        async with aclosing(self.request(message_id, token, Request())) as items:
            async for item in items:
                assert not isinstance(item, Wish), "without tools a wish is an error"
                yield item

    async def request(
        self, message_id: str, token: CancellationToken, request: Request
    ) -> AsyncGenerator[Telling | Answer | Wish, None]:
        """Ask; the :class:`Answer`, which is remembered, or the :class:`Wish` comes last.

        Raises
        ------
        BackendError
            There is neither to be had.
        """
        with cancel_scope(token):
            prompt = await self.prompt()
        result: CreateResult | None = None
        async with aclosing(self._pieces(prompt, token, request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, CreateResult):
                    result = piece
                else:
                    yield ModelClientStreamingChunkEvent(
                        content=piece, source=self._name, full_message_id=message_id
                    )
        calls = [] if result is None or isinstance(result.content, str) else result.content
        if result is None or (calls and not request.tools):
            what = "nothing" if result is None else "a call of a tool it was not given"
            raise BackendCrashed(f"The model of agent {self._name!r} answered with {what}.")
        if result.thought:
            yield ThoughtEvent(content=result.thought, source=self._name)
        usage = result.usage
        if (summing_up := self.context.take_usage()) is not None:
            usage += summing_up
        if calls:
            yield Wish(_told_apart(calls), result.thought, usage, message_id)
            return
        content = result.content if isinstance(result.content, str) else ""
        await self.context.add_message(
            AssistantMessage(content=content, thought=result.thought, source=self._name)
        )
        yield Answer(content, usage, message_id)

    async def _pieces(
        self, prompt: list[LLMMessage], token: CancellationToken, request: Request
    ) -> AsyncGenerator[str | CreateResult, None]:
        options: dict[str, Any] = {"cancellation_token": token}
        if request.tools:
            options |= {"tools": request.tools, "tool_choice": request.tool_choice}
        if request.answer_type is not None:
            prompt, json_output = structured_request(self.client, prompt, request.answer_type)
            options["json_output"] = json_output
        if not self._stream:
            yield await self.client.create(prompt, **options)
            return
        async with aclosing(self.client.create_stream(prompt, **options)) as pieces:
            async for piece in pieces:
                yield piece

    async def clear(self) -> None:
        await self.context.clear()

    async def save(self) -> Mapping[str, Any]:
        return await self.context.save_state()

    async def load(self, state: Mapping[str, Any]) -> None:
        await self.context.load_state(state)


def _told_apart(calls: Sequence[FunctionCall]) -> list[FunctionCall]:
    """The calls, each with an id of its own: not every server gives one."""
    seen: set[str] = set()
    distinct: list[FunctionCall] = []
    for call in calls:
        call_id = call.id if call.id and call.id not in seen else f"call_{uuid4().hex}"
        seen.add(call_id)
        distinct.append(FunctionCall(call_id, call.arguments, call.name))
    return distinct

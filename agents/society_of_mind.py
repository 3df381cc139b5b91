"""An agent behind which a team works."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, ClassVar

from .base.chat_agent import Response
from .base.task import TaskResult
from .base.team import Team
from .chat_agent import BaseChatAgent, final_response
from .messages import BaseAgentEvent, BaseChatMessage, HandoffMessage, TextMessage
from .model_context import ChatCompletionContext, UnboundedChatCompletionContext
from .models import ChatCompletionClient, LLMMessage, SystemMessage, UserMessage, sum_usage
from .runtime import CancellationToken
from .state import SocietyOfMindAgentState
from .teams.recipients import arrived
from .teams.turns import TurnTaking
from .utils import remove_images

Heard = BaseAgentEvent | BaseChatMessage


class SocietyOfMindAgent(BaseChatAgent):
    """Lets a team work on what it hears, and answers with a model's summary of that.

    The team starts afresh at each turn; what was asked before is told to it again. A turn that was
    interrupted goes on where the team stopped. Names and defaults are AutoGen's.

    Parameters
    ----------
    name:
        A Python identifier, unique in a team.
    team:
        The team; nobody else should run it.
    model_client:
        The model that answers for the team.
    description:
        What the agent is good for.
    instruction:
        What the model is told before the team's conversation.
    response_prompt:
        What it is told after it.
    model_context:
        What is kept of what was asked before; by default everything.
    """

    DEFAULT_INSTRUCTION: ClassVar[str] = (
        "You were given a request, and let a team of yours work on it. This is what they said:"
    )
    DEFAULT_RESPONSE_PROMPT: ClassVar[str] = (
        "Now answer the request yourself, in a way that can be understood without the conversation "
        "above, and without mentioning it."
    )
    DEFAULT_DESCRIPTION: ClassVar[str] = (
        "An agent that uses an inner team of agents to generate responses."
    )

    def __init__(
        self,
        name: str,
        team: Team,
        model_client: ChatCompletionClient,
        *,
        description: str = DEFAULT_DESCRIPTION,
        instruction: str = DEFAULT_INSTRUCTION,
        response_prompt: str = DEFAULT_RESPONSE_PROMPT,
        model_context: ChatCompletionContext | None = None,
    ) -> None:
        super().__init__(name, description)
        self._team = team
        self._client = model_client
        self._instruction = instruction
        self._response_prompt = response_prompt
        self._context = model_context or UnboundedChatCompletionContext()
        self._asked: list[str] = []
        self._transcript: list[LLMMessage] = []
        self._done = False

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    @property
    def message_types(self) -> Sequence[type[Heard]]:
        return (TextMessage, *self._team.message_types)

    @property
    def model_context(self) -> ChatCompletionContext:
        return self._context

    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        return await final_response(self.on_messages_stream(messages, cancellation_token))

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[Heard | Response, None]:
        inner: list[Heard] = []
        async with aclosing(self._let_team_work(messages, cancellation_token)) as items:
            async for item in items:
                if not (isinstance(item, BaseAgentEvent) and item.transient):
                    inner.append(item)
                yield item
        answer = await self._answer(cancellation_token)
        # The turn counts from here on: what was asked is remembered, and the team starts afresh.
        for message in messages:
            if isinstance(message, HandoffMessage):
                for known in message.context:
                    await self._context.add_message(known)
            await self._context.add_message(message.to_model_message())
        await self._forget_turn()
        yield Response(chat_message=answer, inner_messages=inner)

    async def _let_team_work(
        self, messages: Sequence[BaseChatMessage], token: CancellationToken
    ) -> AsyncGenerator[Heard, None]:
        asked = [message.id for message in messages]
        goes_on = bool(asked) and asked == self._asked
        if goes_on and (self._done or (isinstance(self._team, TurnTaking) and self._team.at_end)):
            return
        if not goes_on:
            await self._forget_turn()
            self._asked = asked
        stream = self._team.run_stream(
            task=None if goes_on else (await self._task(messages) or None),
            cancellation_token=token,
            output_task_messages=False,
        )
        async with aclosing(stream):
            async for item in stream:
                if isinstance(item, TaskResult):
                    continue
                if isinstance(item, BaseChatMessage):
                    self._transcript.append(item.to_model_message())
                yield item
        self._done = True

    async def _task(self, messages: Sequence[BaseChatMessage]) -> list[BaseChatMessage]:
        """What the team is told: what was asked before, and what is new."""
        before = await self._context.get_messages()
        messages = arrived(messages)
        if not before:
            return messages
        reminder = HandoffMessage(
            content="Here are the previous messages.", source=self.name, target="", context=before
        )
        return [reminder, *messages]

    async def _answer(self, token: CancellationToken) -> TextMessage:
        if not self._transcript:
            return TextMessage(content="No response.", source=self.name)
        messages: list[LLMMessage] = [
            self._told(self._instruction),
            *self._transcript,
            self._told(self._response_prompt),
        ]
        if not self._client.model_info["vision"]:
            messages = remove_images(messages)
        result = await self._client.create(messages, cancellation_token=token)
        content = result.content if isinstance(result.content, str) else str(result.content)
        usage = sum_usage((result.usage, self._context.take_usage()))
        return TextMessage(content=content, source=self.name, models_usage=usage)

    def _told(self, text: str) -> LLMMessage:
        """Not every model takes several messages of the system."""
        if self._client.model_info.get("multiple_system_messages", False):
            return SystemMessage(content=text)
        return UserMessage(content=text, source="user")

    async def _forget_turn(self) -> None:
        self._asked, self._transcript, self._done = [], [], False
        await self._team.reset()

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        await self._context.clear()
        await self._forget_turn()

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        await self._team.pause()

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        await self._team.resume()

    async def save_state(self) -> Mapping[str, Any]:
        return SocietyOfMindAgentState(
            inner_team_state=await self._team.save_state(),
            llm_context=await self._context.save_state(),
            asked=self._asked,
            transcript=self._transcript,
            done=self._done,
        ).model_dump(mode="json")

    async def load_state(self, state: Mapping[str, Any]) -> None:
        saved = SocietyOfMindAgentState.read(state)
        await self._team.load_state(saved.inner_team_state)
        await self._context.load_state(saved.llm_context)
        self._asked, self._transcript, self._done = saved.asked, saved.transcript, saved.done

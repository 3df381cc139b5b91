"""The agent that answers with a model."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from ..sandbox.errors import UsageError
from .base.chat_agent import Response
from .chat_agent import BaseChatAgent, final_response
from .dialogue import Answer, Dialogue
from .messages import BaseAgentEvent, BaseChatMessage, TextMessage
from .model_context import ChatCompletionContext, UnboundedChatCompletionContext
from .models import ChatCompletionClient
from .runtime import CancellationToken
from .state import AssistantAgentState


class AssistantAgent(BaseChatAgent):
    """Answers with what a model says. Names and defaults are AutoGen's.

    Parameters
    ----------
    name:
        A Python identifier, unique in a team.
    model_client:
        The model.
    model_context:
        What the model is shown of the conversation; by default everything.
    description:
        What the agent is good for.
    system_message:
        The instructions of the model; ``None`` for none.
    model_client_stream:
        Tell the answer in pieces too (:class:`ModelClientStreamingChunkEvent`).
    metadata:
        Kept in :attr:`metadata`, for the caller's own use.
    later:
        AutoGen's other options (tools, workbench, handoffs, memory, structured output).

    Raises
    ------
    UsageError
        An option that is not there yet, or an impossible name.
    """

    def __init__(
        self,
        name: str,
        model_client: ChatCompletionClient,
        *,
        model_context: ChatCompletionContext | None = None,
        description: str = "An agent that provides assistance with ability to use tools.",
        system_message: str | None = (
            "You are a helpful AI assistant. Solve tasks using your tools. "
            "Reply with TERMINATE when the task has been completed."
        ),
        model_client_stream: bool = False,
        metadata: Mapping[str, str] | None = None,
        **later: Any,
    ) -> None:
        super().__init__(name, description)
        _refuse_what_comes_later(later)
        self._metadata = dict(metadata or {})
        self._dialogue = Dialogue(
            name,
            model_client,
            model_context or UnboundedChatCompletionContext(),
            system_message=system_message,
            stream=model_client_stream,
        )

    @property
    def metadata(self) -> dict[str, str]:
        return self._metadata

    @property
    def model_context(self) -> ChatCompletionContext:
        return self._dialogue.context

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        return await final_response(self.on_messages_stream(messages, cancellation_token))

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        inner: list[BaseAgentEvent | BaseChatMessage] = []
        message: TextMessage | None = None
        async with self._dialogue.turn():
            await self._dialogue.hear(messages)
            async with aclosing(self._dialogue.ask(str(uuid4()), cancellation_token)) as items:
                async for item in items:
                    if isinstance(item, Answer):
                        message = TextMessage(
                            id=item.message_id,
                            content=item.content,
                            source=self.name,
                            models_usage=item.usage,
                        )
                    else:
                        if not item.transient:
                            inner.append(item)
                        yield item
        assert message is not None, "ask() ends with an answer or raises"
        yield Response(chat_message=message, inner_messages=inner)

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        await self._dialogue.clear()

    async def save_state(self) -> Mapping[str, Any]:
        return AssistantAgentState(llm_context=await self._dialogue.save()).model_dump()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await self._dialogue.load(AssistantAgentState.read(state).llm_context)


_LATER = {
    "tools": None,
    "workbench": None,
    "handoffs": None,
    "reflect_on_tool_use": None,
    "max_tool_iterations": 1,
    "tool_call_summary_format": "{result}",
    "tool_call_summary_formatter": None,
    "output_content_type": None,
    "output_content_type_format": None,
    "memory": None,
}


def _refuse_what_comes_later(options: Mapping[str, Any]) -> None:
    unknown = options.keys() - _LATER.keys()
    if unknown:
        raise UsageError(f"AssistantAgent has no option {', '.join(sorted(unknown))}.")
    wanted = [name for name, value in options.items() if value and value != _LATER[name]]
    if wanted:
        raise UsageError(
            f"AssistantAgent({'=…, '.join(wanted)}=…): sandcrew has no tools, handoffs, memory and "
            "structured output for agents yet; they come with a later version."
        )

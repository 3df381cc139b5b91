"""The agent that answers with a model."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from ..sandbox.errors import UsageError
from .assisting.toolbox import Toolbox
from .assisting.turn import Reply, Turns
from .assisting.wording import Formatter, Wording
from .base.chat_agent import Response
from .base.handoff import Handoff
from .chat_agent import BaseChatAgent, final_response
from .dialogue import Dialogue
from .messages import (
    BaseAgentEvent,
    BaseChatMessage,
    HandoffMessage,
    TextMessage,
    ToolCallSummaryMessage,
)
from .messages.chat import structured_message_type
from .model_context import ChatCompletionContext, UnboundedChatCompletionContext
from .models import ChatCompletionClient
from .runtime import CancellationToken
from .state import AssistantAgentState

if TYPE_CHECKING:
    from .assisting.toolbox import ToolLike
    from .memory import Memory
    from .tools import Workbench


class AssistantAgent(BaseChatAgent):
    """Answers with what a model says, after calling the tools it wants. Names are AutoGen's.

    The tools of one answer are called at the same time. What goes wrong in them (unknown tool,
    arguments that do not fit, an exception) is a result the model reads. A turn that is cancelled
    or broken off cancels its tools, and leaves nothing in the memory of the agent.

    Parameters
    ----------
    name:
        A Python identifier, unique in a team.
    model_client:
        The model.
    tools:
        Tools, and functions that become tools.
    workbench:
        Workbenches instead of tools; the caller starts and stops them.
    handoffs:
        Whom the model may hand the conversation to. The first handoff of an answer counts.
    model_context:
        What the model is shown of the conversation; by default everything.
    description:
        What the agent is good for.
    system_message:
        The instructions of the model; ``None`` for none.
    model_client_stream:
        Tell the answer in pieces too (:class:`ModelClientStreamingChunkEvent`).
    reflect_on_tool_use:
        After the last calls, let the model say what came out, instead of answering with the
        results. By default only with ``output_content_type``.
    max_tool_iterations:
        How often the model may call tools in one turn.
    tool_call_summary_format:
        How one result is put into the answer: ``{tool_name} {arguments} {result} {is_error}``.
    tool_call_summary_formatter:
        A function that does it instead.
    output_content_type:
        Answer with a :class:`StructuredMessage` of this.
    output_content_type_format:
        How to say it as text.
    memory:
        What is brought up in each turn.
    metadata:
        Kept in :attr:`metadata`, for the caller's own use.

    Raises
    ------
    UsageError
        Options that contradict each other, names that clash, or an impossible name.
    """

    def __init__(  # noqa: PLR0913 (AutoGen's signature)
        self,
        name: str,
        model_client: ChatCompletionClient,
        *,
        tools: "Sequence[ToolLike] | None" = None,
        workbench: "Workbench | Sequence[Workbench] | None" = None,
        handoffs: Sequence[Handoff | str] | None = None,
        model_context: ChatCompletionContext | None = None,
        description: str = "An agent that provides assistance with ability to use tools.",
        system_message: str | None = (
            "You are a helpful AI assistant. Solve tasks using your tools. "
            "Reply with TERMINATE when the task has been completed."
        ),
        model_client_stream: bool = False,
        reflect_on_tool_use: bool | None = None,
        max_tool_iterations: int = 1,
        tool_call_summary_format: str = "{result}",
        tool_call_summary_formatter: Formatter | None = None,
        output_content_type: type[BaseModel] | None = None,
        output_content_type_format: str | None = None,
        memory: "Sequence[Memory] | None" = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name, description)
        if max_tool_iterations < 1:
            raise UsageError("max_tool_iterations must be at least 1.")
        self._metadata = dict(metadata or {})
        self._toolbox = Toolbox(tools, workbench, handoffs)
        if not self._toolbox.empty and not model_client.model_info["function_calling"]:
            raise UsageError(
                f"Agent {name!r} has tools or handoffs, but its model cannot call functions."
            )
        self._memory = _memories(memory)
        self._content_type = output_content_type
        self._dialogue = Dialogue(
            name,
            model_client,
            model_context or UnboundedChatCompletionContext(),
            system_message=system_message,
            stream=model_client_stream,
        )
        reflects = reflect_on_tool_use
        self._turns = Turns(
            self._dialogue,
            self._toolbox,
            self._memory,
            Wording(
                name,
                tool_call_summary_format,
                tool_call_summary_formatter,
                output_content_type,
                output_content_type_format,
            ),
            max_iterations=max_tool_iterations,
            reflect=output_content_type is not None if reflects is None else reflects,
        )

    @property
    def metadata(self) -> dict[str, str]:
        return self._metadata

    @property
    def model_context(self) -> ChatCompletionContext:
        return self._dialogue.context

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        types: list[type[BaseChatMessage]] = [
            TextMessage
            if self._content_type is None
            else structured_message_type(self._content_type)
        ]
        if self._toolbox.workbenches:
            types.append(ToolCallSummaryMessage)
        if self._toolbox.hands_over:
            types.append(HandoffMessage)
        return types

    async def on_messages(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> Response:
        return await final_response(self.on_messages_stream(messages, cancellation_token))

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        inner: list[BaseAgentEvent | BaseChatMessage] = []
        message: BaseChatMessage | None = None
        async with (
            self._dialogue.turn(),
            aclosing(self._turns.take(messages, cancellation_token)) as items,
        ):
            async for item in items:
                if isinstance(item, Reply):
                    message = item.message
                else:
                    if not (isinstance(item, BaseAgentEvent) and item.transient):
                        inner.append(item)
                    yield item
        assert message is not None, "a turn ends with a reply or raises"
        yield Response(chat_message=message, inner_messages=inner)

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Forget the conversation; a memory is beyond it, and stays."""
        await self._dialogue.clear()
        for workbench in self._toolbox.workbenches:
            await workbench.reset()

    async def save_state(self) -> Mapping[str, Any]:
        return AssistantAgentState(
            llm_context=await self._dialogue.save(),
            memory=[await memory.save_state() for memory in self._memory],
            workbench=[await bench.save_state() for bench in self._toolbox.workbenches],
        ).model_dump()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        saved = AssistantAgentState.read(state)
        await self._dialogue.load(saved.llm_context)
        # A state of an agent with fewer parts, or of AutoGen's, says nothing about the others.
        for memory, part in zip(self._memory, saved.memory, strict=False):
            if part:
                await memory.load_state(part)
        for workbench, part in zip(self._toolbox.workbenches, saved.workbench, strict=False):
            if part:
                await workbench.load_state(part)


def _memories(memory: "Sequence[Memory] | None") -> "list[Memory]":
    if memory is None:
        return []
    from .memory import Memory

    if isinstance(memory, Memory):
        raise UsageError("memory takes a list of memories; put this one into a list.")
    memories = list(memory)
    for one in cast("list[object]", memories):
        if not isinstance(one, Memory):
            raise UsageError(f"memory takes a list of memories, not of {one!r}.")
    return memories

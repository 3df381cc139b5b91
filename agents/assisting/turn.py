"""A turn of the assistant: hear, remember, ask, call tools, answer."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from ..dialogue import Answer, Dialogue, Request, Wish
from ..messages import (
    BaseAgentEvent,
    BaseChatMessage,
    HandoffMessage,
    MemoryQueryEvent,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
)
from ..models.types import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
)
from ..runtime import CancellationToken, FunctionCall, cancel_scope
from .toolbox import Toolbox, Toolset
from .wording import Wording

if TYPE_CHECKING:
    from ..memory import Memory

Entry = BaseAgentEvent | BaseChatMessage


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer that ends a turn; tools may have told messages of others before."""

    message: BaseChatMessage


@dataclass(frozen=True, slots=True)
class _Done:
    """The calls of one answer, and what they gave."""

    wish: Wish
    results: list[FunctionExecutionResult]


class Turns:
    """Takes turns in the name of an assistant.

    Parameters
    ----------
    dialogue:
        The model, and what it has heard.
    toolbox:
        What it can call.
    memory:
        What is brought up.
    wording:
        How answers are put.
    max_iterations:
        How often the model may call tools in one turn.
    reflect:
        Let the model say what came out of the last calls.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        toolbox: Toolbox,
        memory: "Sequence[Memory]",
        wording: Wording,
        *,
        max_iterations: int,
        reflect: bool,
    ) -> None:
        self._dialogue = dialogue
        self._toolbox = toolbox
        self._memory = memory
        self._wording = wording
        self._max_iterations = max_iterations
        self._reflects = reflect
        self._name = wording.source

    async def take(
        self, messages: Sequence[BaseChatMessage], token: CancellationToken
    ) -> AsyncGenerator[Entry | Reply, None]:
        """Answer; the :class:`Reply` comes last."""
        await self._dialogue.hear(messages)
        for memory in self._memory:
            with cancel_scope(token):
                found = (await memory.update_context(self._dialogue.context)).memories.results
            if found:
                yield MemoryQueryEvent(content=found, source=self._name)
        with cancel_scope(token):
            tools = await self._toolbox.open()
        done: _Done | None = None
        for _ in range(self._max_iterations):
            async with aclosing(self._step(tools, token)) as items:
                async for item in items:
                    if isinstance(item, _Done):
                        done = item
                    else:
                        yield item
                        if isinstance(item, Reply):
                            return
        assert done is not None, "a step ends with a reply or with calls"
        async with aclosing(self._conclude(done, tools, token)) as items:
            async for item in items:
                yield item

    async def _step(
        self, tools: Toolset, token: CancellationToken
    ) -> AsyncGenerator[Entry | Reply | _Done, None]:
        """Ask once, and do what the model wants; ends with its answer, or with what was done."""
        wish: Wish | None = None
        request = Request(tools=tools.schemas, answer_type=self._wording.content_type)
        async with aclosing(self._dialogue.request(str(uuid4()), token, request)) as items:
            async for item in items:
                if isinstance(item, Answer):
                    yield Reply(self._wording.answer(item))
                    return
                if isinstance(item, Wish):
                    wish = item
                else:
                    yield item
        assert wish is not None, "request() ends with an answer or a wish, or raises"
        yield ToolCallRequestEvent(
            id=wish.message_id, content=wish.calls, source=self._name, models_usage=wish.usage
        )
        # Brings what tools are made of, which agents without tools do not need.
        from .calls import run_calls

        results: list[FunctionExecutionResult] = []
        async with aclosing(run_calls(wish.calls, tools, token)) as entries:
            async for entry in entries:
                if isinstance(entry, list):
                    results = entry
                else:
                    yield entry
        handed = _hand_over_once(wish.calls, results, tools)
        yield ToolCallExecutionEvent(content=results, source=self._name)
        await self._dialogue.hear_results(wish, results)
        if handed is None:
            yield _Done(wish, results)
        else:
            yield Reply(self._handoff(handed, wish, results, tools))

    async def _conclude(
        self, done: _Done, tools: Toolset, token: CancellationToken
    ) -> AsyncGenerator[Entry | Reply, None]:
        """The answer after the last calls: what the model says of them, or they themselves."""
        usage = None
        if self._reflects:
            request = Request(tools.schemas, "none", self._wording.content_type)
            async with aclosing(self._dialogue.request(str(uuid4()), token, request)) as items:
                async for item in items:
                    if isinstance(item, Answer):
                        if item.content.strip():
                            yield Reply(self._wording.answer(item))
                            return
                        usage = item.usage
                    elif isinstance(item, Wish):
                        # It wants still more tools although it was told not to.
                        usage = item.usage
                    else:
                        yield item
        yield Reply(self._wording.summary(done.wish.calls, done.results, usage))

    def _handoff(
        self,
        handed: FunctionExecutionResult,
        wish: Wish,
        results: Sequence[FunctionExecutionResult],
        tools: Toolset,
    ) -> HandoffMessage:
        """The message to the next agent, who is told what the other tools gave, too."""
        calls = [call for call in wish.calls if call.name not in tools.handoffs]
        ids = {call.id for call in calls}
        context: list[LLMMessage] = []
        if calls:
            others = [result for result in results if result.call_id in ids]
            context = [
                AssistantMessage(content=calls, thought=wish.thought, source=self._name),
                FunctionExecutionResultMessage(content=others),
            ]
        elif wish.thought:
            context = [AssistantMessage(content=wish.thought, source=self._name)]
        return HandoffMessage(
            content=handed.content,
            target=tools.handoffs[handed.name].target,
            source=self._name,
            context=context,
        )


def _hand_over_once(
    calls: Sequence[FunctionCall], results: list[FunctionExecutionResult], tools: Toolset
) -> FunctionExecutionResult | None:
    """The first handoff that worked; those after it become errors."""
    handed: FunctionExecutionResult | None = None
    for index, call in enumerate(calls):
        if call.name not in tools.handoffs or results[index].is_error:
            continue
        if handed is None:
            handed = results[index]
            continue
        target = tools.handoffs[handed.name].target
        text = f"Error: the conversation was handed to {target} already; it has one next speaker."
        results[index] = results[index].model_copy(update={"content": text, "is_error": True})
    return handed

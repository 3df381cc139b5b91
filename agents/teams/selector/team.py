"""A team whose next speaker a model or a function selects."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from inspect import isawaitable
from typing import Any

from ....sandbox.errors import UsageError
from ...base.chat_agent import ChatAgent
from ...base.team import Team
from ...base.termination import TerminationCondition
from ...messages import (
    BaseAgentEvent,
    BaseChatMessage,
    ModelClientStreamingChunkEvent,
    SelectorEvent,
)
from ...model_context import ChatCompletionContext
from ...models import ChatCompletionClient, sum_usage
from ...models.text import transcript, transcript_of
from ...runtime import CancellationToken
from ..group_chat import BaseGroupChat
from ..steps import End, Entry, Next
from .ask import DEFAULT_PROMPT, Nonsense, Selected, Selector

SelectorFuncType = Callable[[Sequence[Entry]], str | Awaitable[str | None] | None]
CandidateFuncType = Callable[[Sequence[Entry]], Sequence[str] | Awaitable[Sequence[str]]]


class SelectorGroupChat(BaseGroupChat):
    """A model selects the next speaker after each turn. Names and defaults are AutoGen's.

    What the model answered is told as a :class:`SelectorEvent`, with its usage. A name that is
    no candidate's is never accepted; a model that names none, or several, ``max_selector_attempts``
    times ends the run with a stop reason that quotes it.

    Parameters
    ----------
    participants:
        At least two agents and teams.
    model_client:
        The model that selects.
    selector_prompt:
        What it is asked; ``{roles}``, ``{participants}`` and ``{history}`` are filled in: the
        last a line of JSON for each message, so that none can speak for another.
    allow_repeated_speaker:
        Let the last speaker be selected again.
    max_selector_attempts:
        How often the model is asked for one choice.
    selector_func:
        Sync or async; asked first. It is given everything that happened, and names the speaker, or
        gives ``None`` to have the model asked.
    candidate_func:
        Sync or async; names those the model may choose from. If that is nobody, the run ends.
    model_client_streaming:
        Stream the model's answers, and tell the pieces if ``emit_team_events``.
    model_context:
        What the model is shown of the conversation; by default everything.
    name, description, termination_condition, max_turns, runtime:
        As for :class:`RoundRobinGroupChat`.
    custom_message_types, emit_team_events:
        As there.

    Raises
    ------
    UsageError
        Fewer than two participants, or an option that makes no sense. In a run: a function names
        somebody who is not here.
    """

    def __init__(  # noqa: PLR0913 (AutoGen's signature)
        self,
        participants: Sequence[ChatAgent | Team],
        model_client: ChatCompletionClient,
        *,
        name: str | None = None,
        description: str | None = None,
        termination_condition: TerminationCondition | None = None,
        max_turns: int | None = None,
        runtime: None = None,
        selector_prompt: str = DEFAULT_PROMPT,
        allow_repeated_speaker: bool = False,
        max_selector_attempts: int = 3,
        selector_func: SelectorFuncType | None = None,
        candidate_func: CandidateFuncType | None = None,
        custom_message_types: Sequence[type[BaseAgentEvent | BaseChatMessage]] | None = None,
        emit_team_events: bool = False,
        model_client_streaming: bool = False,
        model_context: ChatCompletionContext | None = None,
    ) -> None:
        super().__init__(
            participants,
            name=name,
            description=description,
            termination_condition=termination_condition,
            max_turns=max_turns,
            runtime=runtime,
            custom_message_types=custom_message_types,
            emit_team_events=emit_team_events,
        )
        if len(self._members) < 2:
            raise UsageError("At least two participants are required for SelectorGroupChat.")
        if max_selector_attempts < 1:
            raise UsageError("max_selector_attempts must be at least 1.")
        self._selector = Selector(
            self._name, model_client, selector_prompt, max_selector_attempts, model_client_streaming
        )
        self._allow_repeated = allow_repeated_speaker
        self._selector_func = selector_func
        self._candidate_func = candidate_func
        self._context = model_context
        self._in_context = 0
        self._previous: str | None = None

    async def _choose(self, token: CancellationToken) -> AsyncGenerator[Entry | Next | End, None]:
        name = await self._by_function()
        if name is not None:
            yield Next((name,))
            return
        candidates = await self._candidates()
        if len(candidates) < 2:
            yield Next(candidates) if candidates else End("No member of the team may speak next.")
            return
        roles = {candidate: self._members[candidate].description for candidate in candidates}
        history = await self._history()
        # The context may have asked a model itself: the first answer carries that too.
        summing_up = None if self._context is None else self._context.take_usage()
        asking = self._selector.ask(roles, candidates, history, token)
        async with aclosing(asking):
            async for item in asking:
                told = item.event if isinstance(item, Selected) else item
                if isinstance(told, SelectorEvent):
                    told.models_usage = sum_usage((told.models_usage, summing_up))
                    summing_up = None
                if isinstance(item, Selected):
                    yield Next((item.name,), item.event)
                elif isinstance(item, Nonsense):
                    yield End(
                        f"The model selected nobody in {self._selector.attempts} attempts; "
                        f"it answered {item.answer[:200]!r}."
                    )
                elif self._emit_team_events or not isinstance(item, ModelClientStreamingChunkEvent):
                    yield item

    async def _by_function(self) -> str | None:
        if self._selector_func is None:
            return None
        answer = self._selector_func(self._conversation.thread)
        name = await answer if isawaitable(answer) else answer
        if name is not None:
            self._check("selector_func", [name])
        return name

    async def _candidates(self) -> tuple[str, ...]:
        if self._candidate_func is not None:
            answer = self._candidate_func(self._conversation.thread)
            names = await answer if isawaitable(answer) else answer
            self._check("candidate_func", names)
            return tuple(dict.fromkeys(names))
        return tuple(
            name for name in self._members if self._allow_repeated or name != self._previous
        )

    def _check(self, function: str, names: Sequence[str]) -> None:
        for name in names:
            if name not in self._members:
                raise UsageError(
                    f"{function} names {name!r}, who is not in the team "
                    f"({', '.join(self._members)})."
                )

    async def _history(self) -> str:
        """The conversation as the model is shown it."""
        if self._context is None:
            said = self._conversation.said_aloud()
            return transcript((message.source, message.to_model_text()) for message in said)
        for message in self._conversation.said_aloud(self._in_context):
            await self._context.add_message(message.to_model_message())
            self._in_context += 1
        return transcript_of(await self._context.get_messages())

    def _turn_taken(self, member: str, message: BaseChatMessage | None) -> None:
        self._previous = member

    async def _reset_speaker(self) -> None:
        self._previous, self._in_context = None, 0
        if self._context is not None:
            await self._context.clear()

    async def _save_speaker(self) -> Mapping[str, Any]:
        return {
            "previous": self._previous,
            "context": None if self._context is None else await self._context.save_state(),
            "in_context": self._in_context,
        }

    async def _load_speaker(self, state: Mapping[str, Any]) -> None:
        previous = state.get("previous")
        if previous is not None and previous not in self._members:
            raise UsageError(f"The saved state names a speaker who is not here: {previous!r}.")
        self._previous = previous
        # Without a saved context the messages of the thread are added to an empty one.
        self._in_context = 0
        if self._context is not None:
            await self._context.clear()
            if state.get("context") is not None:
                await self._context.load_state(state["context"])
                self._in_context = max(0, int(state.get("in_context", 0)))

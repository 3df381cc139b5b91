"""Asking a model who speaks next."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from uuid import uuid4

from ....sandbox.errors import BackendCrashed
from ...messages import ModelClientStreamingChunkEvent, SelectorEvent
from ...models import (
    AssistantMessage,
    ChatCompletionClient,
    CreateResult,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from ...runtime import CancellationToken
from .names import fill, mentioned

DEFAULT_PROMPT = (
    "You moderate a conversation between several roles:\n{roles}\n\n"
    "Read what was said so far, one message of JSON on each line, and decide which role of "
    "{participants} speaks next. Answer with the name of that role and nothing else.\n\n"
    "{history}\n\n"
    "Which role of {participants} speaks next? Answer with its name only.\n"
)
_WITH_SYSTEM_PROMPTS = ("gpt-", "o1", "o3", "o4")


@dataclass(frozen=True, slots=True)
class Selected:
    """Who the model wants to speak, and how it said so."""

    name: str
    event: SelectorEvent


@dataclass(frozen=True, slots=True)
class Nonsense:
    """What the model said last instead."""

    answer: str


@dataclass(frozen=True, slots=True)
class Selector:
    """A model that is asked until it names exactly one candidate, but not for ever."""

    source: str
    client: ChatCompletionClient
    prompt: str
    attempts: int
    stream: bool

    async def ask(
        self,
        roles: Mapping[str, str],
        candidates: Sequence[str],
        history: str,
        token: CancellationToken,
    ) -> AsyncGenerator[ModelClientStreamingChunkEvent | SelectorEvent | Selected | Nonsense, None]:
        """Ask; each answer is a :class:`SelectorEvent` with its usage, in the end in the choice.

        Raises
        ------
        BackendError
            There is no answer to be had.
        """
        text = fill(
            self.prompt,
            roles="\n".join(
                f"{name}: {description}".strip() for name, description in roles.items()
            ),
            participants=str(list(candidates)),
            history=history,
        )
        messages: list[LLMMessage] = [self._first(text)]
        answer = ""
        for _ in range(self.attempts):
            named: list[str] = []
            async with aclosing(self._answer(messages, token)) as items:
                async for item in items:
                    if isinstance(item, SelectorEvent):
                        answer = item.content
                        named = mentioned(answer, candidates)
                        if len(named) == 1:
                            yield Selected(named[0], item)
                            return
                    yield item
            messages.append(AssistantMessage(content=answer, source=self.source))
            messages.append(UserMessage(content=_objection(named, candidates), source="user"))
        yield Nonsense(answer)

    async def _answer(
        self, messages: Sequence[LLMMessage], token: CancellationToken
    ) -> AsyncGenerator[ModelClientStreamingChunkEvent | SelectorEvent, None]:
        event_id = str(uuid4())
        result: CreateResult | None = None
        if self.stream:
            pieces = self.client.create_stream(messages, cancellation_token=token)
            async with aclosing(pieces):
                async for piece in pieces:
                    if isinstance(piece, CreateResult):
                        result = piece
                    else:
                        yield ModelClientStreamingChunkEvent(
                            content=piece, source=self.source, full_message_id=event_id
                        )
        else:
            result = await self.client.create(messages, cancellation_token=token)
        if result is None:
            raise BackendCrashed(f"The model that selects for {self.source!r} answered nothing.")
        yield SelectorEvent(
            id=event_id,
            content=result.content if isinstance(result.content, str) else str(result.content),
            source=self.source,
            models_usage=result.usage,
        )

    def _first(self, text: str) -> LLMMessage:
        """Models of other makers want at least one message that is not the system's."""
        if self.client.model_info["family"].startswith(_WITH_SYSTEM_PROMPTS):
            return SystemMessage(content=text)
        return UserMessage(content=text, source="user")


def _objection(named: Sequence[str], candidates: Sequence[str]) -> str:
    fault = f"You named {', '.join(named)}." if named else "That is none of the roles."
    return f"{fault} Name exactly one of: {', '.join(candidates)}. Answer with the name only."

"""A context that tells the old part in short."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...sandbox.errors import BackendCrashed, UsageError
from ..models.text import transcript_of
from ..models.types import LLMMessage, SystemMessage, UserMessage
from ..models.usage import RequestUsage
from .base import ChatCompletionContext, ChatCompletionContextState
from .units import Unit, Units, flat, pinned, tail, units_of

if TYPE_CHECKING:
    from ..models.client import ChatCompletionClient

_KEPT = 3  # summaries: older ones hold again only after a turn that made more, and failed
_PROMPT = (
    "Summarise the conversation so far for yourself: it will be forgotten but for your summary. "
    "Each line of it is one message, as JSON. "
    "Keep what was found out and decided, names, numbers, files, what failed and why, and what "
    "remains to be done."
)


class SummarizingState(ChatCompletionContextState):
    """The messages, the summary, and how many messages it stands for."""

    summary: str | None = None
    summarized: int = 0


class SummarizingChatCompletionContext(ChatCompletionContext):
    """Shows the model the task, a summary of the old messages, and the new ones.

    When more than ``max_messages`` are to be shown, a model sums up all but the last
    ``keep_last``. Nothing is thrown away: the messages themselves stay in the state.

    Parameters
    ----------
    model_client:
        Writes the summary.
    max_messages:
        Show so many at most.
    keep_last:
        How many stay as they are.
    prompt:
        Asks for the summary.
    initial_messages:
        Messages that are there from the beginning.

    Raises
    ------
    UsageError
        ``keep_last`` is not between 1 and ``max_messages``.
    """

    def __init__(
        self,
        model_client: "ChatCompletionClient",
        *,
        max_messages: int = 40,
        keep_last: int = 10,
        prompt: str = _PROMPT,
        initial_messages: Sequence[LLMMessage] | None = None,
    ) -> None:
        super().__init__(initial_messages)
        if not 1 <= keep_last < max_messages:
            raise UsageError("keep_last must be at least 1 and less than max_messages.")
        self._client = model_client
        self._max = max_messages
        self._keep = keep_last
        self._prompt = prompt
        # Summaries with the last message each stands for, the newest last. A message may be
        # gone: taken back with a turn that failed. Then an older summary holds again.
        self._summaries: list[tuple[LLMMessage, str]] = []
        self._usage: RequestUsage | None = None
        self._units = Units()

    async def get_messages(self) -> list[LLMMessage]:
        units = self._units.of(self._messages)
        first = pinned(units)
        old, summary = self._summarized(units)
        old = max(old, first)
        if len(flat(units[:first])) + len(flat(units[old:])) > self._max:
            start = max(tail(units, self._keep), old)
            summary = await self._summarize(units[:first], summary, units[old:start])
            self._summaries = [*self._summaries, (_mark(units[:start]), summary)][-_KEPT:]
            old = start
        told = [_told(summary)] if summary is not None else []
        return [*flat(units[:first]), *told, *flat(units[old:])]

    def _summarized(self, units: Sequence[Unit]) -> tuple[int, str | None]:
        """The summary that holds, and up to which unit."""
        while self._summaries:
            mark, summary = self._summaries[-1]
            for index in range(len(units) - 1, -1, -1):
                if any(message is mark for message in units[index]):
                    return index + 1, summary
            self._summaries.pop()
        return 0, None

    async def _summarize(
        self, first: Sequence[Unit], summary: str | None, units: Sequence[Unit]
    ) -> str:
        before = [] if summary is None else [_told(summary)]
        result = await self._client.create([
            SystemMessage(content=self._prompt),
            *(message for message in flat(first) if isinstance(message, UserMessage)),
            *before,
            UserMessage(content=transcript_of(flat(units)), source="conversation"),
        ])  # fmt: skip
        self._usage = result.usage if self._usage is None else self._usage + result.usage
        if not isinstance(result.content, str) or not result.content.strip():
            raise BackendCrashed("The model that was to summarise a conversation said nothing.")
        return result.content

    def take_usage(self) -> RequestUsage | None:
        usage, self._usage = self._usage, None
        return usage

    async def clear(self) -> None:
        await super().clear()
        self._summaries.clear()

    async def save_state(self) -> Mapping[str, Any]:
        messages = self._complete()
        units = units_of(messages)
        old, summary = self._summarized(units)
        return SummarizingState(
            messages=messages, summary=summary, summarized=len(flat(units[:old]))
        ).model_dump(mode="json")

    async def load_state(self, state: Mapping[str, Any]) -> None:
        saved = SummarizingState.read(state)
        self._messages = saved.messages
        self._summaries.clear()
        if saved.summary is not None and 0 < saved.summarized <= len(saved.messages):
            mark = _mark([saved.messages[: saved.summarized]])
            self._summaries.append((mark, saved.summary))


def _mark(units: Sequence[Unit]) -> LLMMessage:
    """The last message of the units that stays where it is, as those of a memory do not."""
    messages = flat(units)
    return next((m for m in reversed(messages) if not isinstance(m, SystemMessage)), messages[-1])


def _told(summary: str) -> LLMMessage:
    return UserMessage(content=f"Summary of the conversation so far:\n{summary}", source="System")

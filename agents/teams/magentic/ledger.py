"""What the orchestrator's model judges after each turn."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from ...models import (
    AssistantMessage,
    ChatCompletionClient,
    LLMMessage,
    RequestUsage,
    UserMessage,
    parse_json,
)
from ...runtime import CancellationToken
from ..selector.names import mentioned

ATTEMPTS = 10


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True)

    reason: str = ""


class Judgement(_Part):
    """Yes or no."""

    answer: bool


class Choice(_Part):
    """A name, or an instruction."""

    answer: str


class ProgressLedger(BaseModel):
    """Where the team is. The fields are AutoGen's."""

    model_config = ConfigDict(defer_build=True)

    is_request_satisfied: Judgement
    is_in_loop: Judgement
    is_progress_being_made: Judgement
    next_speaker: Choice
    instruction_or_question: Choice

    @property
    def stalls(self) -> bool:
        return self.is_in_loop.answer or not self.is_progress_being_made.answer


@dataclass(frozen=True, slots=True)
class NoLedger:
    """The model could not do it, however often it was asked."""

    answer: str
    usage: RequestUsage


@dataclass(frozen=True, slots=True)
class Judged:
    """A ledger whose next speaker is in the team, and what it cost."""

    ledger: ProgressLedger
    usage: RequestUsage


async def judge(
    client: ChatCompletionClient,
    prompt: Sequence[LLMMessage],
    names: Sequence[str],
    source: str,
    token: CancellationToken,
) -> Judged | NoLedger:
    """Ask until there is a ledger that can be used, telling the model what was wrong."""
    messages = list(prompt)
    usage = RequestUsage(0, 0)
    answer = ""
    for _ in range(ATTEMPTS):
        result = await client.create(
            messages,
            json_output=_json_mode(client),
            cancellation_token=token,
        )
        usage += result.usage
        answer = result.content if isinstance(result.content, str) else str(result.content)
        ledger = parse_json(answer, ProgressLedger)
        fault = "That is not the JSON object that was asked for."
        if ledger is not None:
            named = mentioned(ledger.next_speaker.answer, names)
            if len(named) == 1 or ledger.is_request_satisfied.answer:
                ledger.next_speaker.answer = named[0] if named else ""
                return Judged(ledger, usage)
            fault = f"next_speaker must be exactly one of: {', '.join(names)}."
        messages.append(AssistantMessage(content=answer, source=source))
        messages.append(UserMessage(content=f"{fault} Answer again.", source="user"))
    return NoLedger(answer, usage)


def _json_mode(client: ChatCompletionClient) -> bool | type[BaseModel] | None:
    if client.model_info["structured_output"]:
        return ProgressLedger
    return client.model_info["json_output"] or None

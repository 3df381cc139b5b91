"""The model calls of the orchestrator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...messages import BaseChatMessage
from ...models import (
    AssistantMessage,
    ChatCompletionClient,
    LLMMessage,
    RequestUsage,
    UserMessage,
)
from ...runtime import CancellationToken
from ...utils import remove_images
from ..selector.names import fill
from . import prompts
from .ledger import Judged, NoLedger, judge


@dataclass(frozen=True, slots=True)
class TaskLedger:
    """What is known, what shall be done, and what it cost to say so."""

    facts: str
    plan: str
    usage: RequestUsage


class Orchestrator:
    """Plans and judges; remembers nothing."""

    def __init__(
        self,
        name: str,
        client: ChatCompletionClient,
        team: Mapping[str, str],
        final_answer_prompt: str,
    ) -> None:
        self._name = name
        self._client = client
        self._names = tuple(team)
        self._team = "\n".join(f"{member}: {what}".strip() for member, what in team.items())
        self._final_answer_prompt = final_answer_prompt

    async def plan(self, task: str, token: CancellationToken) -> TaskLedger:
        """Facts first, then a plan."""
        asked = self._user(fill(prompts.FACTS, task=task))
        return await self._facts_and_plan([asked], prompts.PLAN, token)

    async def plan_again(
        self, task: str, facts: str, said: Sequence[BaseChatMessage], token: CancellationToken
    ) -> TaskLedger:
        """The same, with what was learned."""
        asked = self._user(fill(prompts.UPDATE_FACTS, task=task, facts=facts))
        return await self._facts_and_plan([*self._heard(said), asked], prompts.UPDATE_PLAN, token)

    async def _facts_and_plan(
        self, messages: list[LLMMessage], plan_prompt: str, token: CancellationToken
    ) -> TaskLedger:
        facts, facts_usage = await self._ask(messages, token)
        messages = [
            *messages,
            AssistantMessage(content=facts, source=self._name),
            self._user(fill(plan_prompt, team=self._team)),
        ]
        plan, plan_usage = await self._ask(messages, token)
        return TaskLedger(facts, plan, facts_usage + plan_usage)

    def announcement(self, task: str, facts: str, plan: str) -> str:
        """What the team is told before it starts."""
        return fill(prompts.LEDGER, task=task, team=self._team, facts=facts, plan=plan)

    async def judge(
        self, task: str, said: Sequence[BaseChatMessage], token: CancellationToken
    ) -> Judged | NoLedger:
        """Where the team is, and who goes on."""
        structured = self._client.model_info["structured_output"]
        question = fill(
            prompts.PROGRESS,
            task=task,
            team=self._team,
            names=", ".join(self._names),
            format="" if structured else prompts.FORMAT,
        )
        messages = self._seen([*self._heard(said), self._user(question)])
        return await judge(self._client, messages, self._names, self._name, token)

    async def final_answer(
        self, task: str, said: Sequence[BaseChatMessage], token: CancellationToken
    ) -> tuple[str, RequestUsage]:
        """What the person who asked is told."""
        asked = self._user(fill(self._final_answer_prompt, task=task))
        return await self._ask([*self._heard(said), asked], token)

    async def _ask(
        self, messages: Sequence[LLMMessage], token: CancellationToken
    ) -> tuple[str, RequestUsage]:
        result = await self._client.create(self._seen(messages), cancellation_token=token)
        content = result.content if isinstance(result.content, str) else str(result.content)
        return content, result.usage

    def _seen(self, messages: Sequence[LLMMessage]) -> list[LLMMessage]:
        vision = self._client.model_info["vision"]
        return list(messages) if vision else remove_images(messages)

    def _user(self, text: str) -> LLMMessage:
        return UserMessage(content=text, source=self._name)

    def _heard(self, said: Sequence[BaseChatMessage]) -> list[LLMMessage]:
        """The conversation; what the orchestrator said is its own."""
        return [
            AssistantMessage(content=message.to_model_text(), source=self._name)
            if message.source == self._name
            else message.to_model_message()
            for message in said
        ]

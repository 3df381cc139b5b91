"""A team led by an orchestrator."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from ....sandbox.errors import UsageError
from ...base.chat_agent import ChatAgent
from ...base.team import Team
from ...base.termination import TerminationCondition
from ...messages import BaseAgentEvent, BaseChatMessage, SelectorEvent, TextMessage
from ...models import ChatCompletionClient, RequestUsage
from ...models.text import transcript
from ...runtime import CancellationToken
from ..group_chat import BaseGroupChat
from ..steps import End, Entry, Next
from .ledger import ATTEMPTS, NoLedger
from .orchestrator import Orchestrator, TaskLedger
from .prompts import FINAL_ANSWER

ORCHESTRATOR = "MagenticOneOrchestrator"
_PLANS_WITHOUT_PROGRESS = 3


class _Saved(BaseModel):
    task: str | None = None
    facts: str | None = None
    plan: str | None = None
    rounds: int = Field(default=0, ge=0)
    stalls: int = Field(default=0, ge=0)
    plans_without_progress: int = Field(default=0, ge=0)
    satisfied: bool = False


class MagenticOneGroupChat(BaseGroupChat):
    """An orchestrator collects facts, plans, and tells one member after the other what to do.

    After each turn it judges the progress; after ``max_stalls`` turns without any it plans anew,
    and the members start from the new plan. In the end it answers. Each task starts afresh; a run
    without one goes on with the last. A run ends with a stop reason that says so when plan after
    plan brings nothing, or when the model gives no usable judgement.

    Parameters
    ----------
    participants:
        Agents and teams, at least one.
    model_client:
        The orchestrator's model.
    max_turns:
        How many turns the members may take; then the orchestrator answers with what there is.
    max_stalls:
        How many turns without progress lead to a new plan.
    final_answer_prompt:
        How the orchestrator asks its model for the final answer; ``{task}`` is filled in.
    name, description, termination_condition, runtime, custom_message_types, emit_team_events:
        As for :class:`RoundRobinGroupChat`.

    Raises
    ------
    UsageError
        An option that makes no sense. In a run: there is no task.
    """

    def __init__(  # noqa: PLR0913 (AutoGen's signature)
        self,
        participants: Sequence[ChatAgent | Team],
        model_client: ChatCompletionClient,
        *,
        name: str | None = None,
        description: str | None = None,
        termination_condition: TerminationCondition | None = None,
        max_turns: int | None = 20,
        runtime: None = None,
        max_stalls: int = 3,
        final_answer_prompt: str = FINAL_ANSWER,
        custom_message_types: Sequence[type[BaseAgentEvent | BaseChatMessage]] | None = None,
        emit_team_events: bool = False,
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
        if max_stalls < 1:
            raise UsageError("max_stalls must be at least 1.")
        # The orchestrator counts itself: after the last turn it still has to answer.
        self._max_rounds, self._max_turns = max_turns, None
        self._max_stalls = max_stalls
        roles = {member: self._members[member].description for member in self._members}
        self._orchestrator = Orchestrator(ORCHESTRATOR, model_client, roles, final_answer_prompt)
        self._state = _Saved()

    @property
    def satisfied(self) -> bool:
        """True once the orchestrator found that everything the last task asks for is done."""
        return self._state.satisfied

    async def _choose(self, token: CancellationToken) -> AsyncGenerator[Entry | Next | End, None]:
        state = self._state
        if state.task is None:
            raise UsageError(f"Team {self._name!r} has no task yet; give run(task=…) one.")
        spent = RequestUsage(0, 0)
        while True:
            if state.plan is None:
                ledger = await self._planned(state.task, token)
                yield await self._announce(state.task, ledger, spent)
                spent = RequestUsage(0, 0)
            if self._max_rounds is not None and state.rounds >= self._max_rounds:
                reason = "Max rounds reached."
                break
            judged = await self._orchestrator.judge(state.task, self._said(), token)
            spent += judged.usage
            if isinstance(judged, NoLedger):
                yield SelectorEvent(content=judged.answer, source=ORCHESTRATOR, models_usage=spent)
                yield End(
                    f"The orchestrator's model gave no usable progress ledger in {ATTEMPTS} "
                    f"attempts; it answered {judged.answer[:200]!r}."
                )
                return
            if judged.ledger.is_request_satisfied.answer:
                reason = judged.ledger.is_request_satisfied.reason or "The request is satisfied."
                state.satisfied = True
                break
            self._count(judged.ledger.stalls)
            if state.stalls < self._max_stalls:
                instruction = judged.ledger.instruction_or_question.answer
                yield Next(
                    (judged.ledger.next_speaker.answer,),
                    TextMessage(content=instruction, source=ORCHESTRATOR, models_usage=spent),
                )
                return
            if state.plans_without_progress >= _PLANS_WITHOUT_PROGRESS:
                reason = f"No progress with {state.plans_without_progress} plans."
                break
            state.plan = None
        answer, usage = await self._orchestrator.final_answer(state.task, self._said(), token)
        yield End(
            reason, TextMessage(content=answer, source=ORCHESTRATOR, models_usage=spent + usage)
        )

    def _said(self) -> list[BaseChatMessage]:
        return self._conversation.said_aloud()

    def _count(self, stalls: bool) -> None:
        if stalls:
            self._state.stalls += 1
        else:
            self._state.stalls = max(0, self._state.stalls - 1)
            self._state.plans_without_progress = 0

    async def _planned(self, task: str, token: CancellationToken) -> TaskLedger:
        if self._state.facts is None:
            return await self._orchestrator.plan(task, token)
        return await self._orchestrator.plan_again(task, self._state.facts, self._said(), token)

    async def _announce(self, task: str, ledger: TaskLedger, spent: RequestUsage) -> TextMessage:
        """The members forget what they heard, and start from the plan."""
        self._state.facts, self._state.plan = ledger.facts, ledger.plan
        self._state.stalls = 0
        self._state.plans_without_progress += 1
        self._conversation.hush()
        await self._reset_members()
        return TextMessage(
            content=self._orchestrator.announcement(task, ledger.facts, ledger.plan),
            source=ORCHESTRATOR,
            models_usage=spent + ledger.usage,
        )

    def _turn_taken(self, member: str, message: BaseChatMessage | None) -> None:
        self._state.rounds += 1

    async def _restart(self) -> None:
        await super()._restart()
        self._state.rounds = 0

    async def _new_task(self, task: Sequence[BaseChatMessage]) -> None:
        await super()._new_task(task)
        self._state = _Saved(task=_in_words(task))

    async def _reset_speaker(self) -> None:
        self._state = _Saved()

    async def _save_speaker(self) -> Mapping[str, Any]:
        return self._state.model_dump()

    async def _load_speaker(self, state: Mapping[str, Any]) -> None:
        try:
            self._state = _Saved.model_validate(state)
        except ValidationError as error:
            raise UsageError(f"This is not the state of an orchestrator: {error}") from error


def _in_words(task: Sequence[BaseChatMessage]) -> str:
    """The task, which inside of another team is what several members said."""
    if len(task) == 1:
        return task[0].to_model_text()
    return transcript((message.source, message.to_model_text()) for message in task)

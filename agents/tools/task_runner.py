"""Agents and teams as tools: a model hands a task to them, and is told what came out."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ...sandbox.errors import UsageError
from ..base.chat_agent import ChatAgent
from ..base.task import TaskResult
from ..base.team import Team
from ..messages import BaseAgentEvent, BaseChatMessage
from ..models.text import transcript
from ..runtime import CancellationToken
from .base import BaseStreamTool


class TaskRunnerToolArgs(BaseModel):
    """What a model has to say."""

    model_config = ConfigDict(defer_build=True)

    task: str = Field(description="The task to be executed.")


class _TaskRunnerTool(
    BaseStreamTool[TaskRunnerToolArgs, BaseAgentEvent | BaseChatMessage, TaskResult]
):
    """What happens is told as it does; the result comes last.

    Agents and teams remember, so they take one task at a time: calls a model makes in parallel
    wait for each other.
    """

    def __init__(
        self, runner: ChatAgent | Team, name: str, description: str, last_message_only: bool
    ) -> None:
        super().__init__(TaskRunnerToolArgs, TaskResult, name, description)
        self._runner = runner
        self._last_message_only = last_message_only
        self._one_at_a_time = asyncio.Lock()

    async def run(
        self, args: TaskRunnerToolArgs, cancellation_token: CancellationToken
    ) -> TaskResult:
        async with self._one_at_a_time:
            return await self._runner.run(task=args.task, cancellation_token=cancellation_token)

    async def run_stream(
        self, args: TaskRunnerToolArgs, cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        async with self._one_at_a_time:
            # The model knows its own words: the task is not told again.
            stream = self._runner.run_stream(
                task=args.task, cancellation_token=cancellation_token, output_task_messages=False
            )
            async with aclosing(stream):
                async for item in stream:
                    yield item

    def return_value_as_string(self, value: Any) -> str:
        """The last message, or all of them, a line of JSON for each."""
        if not isinstance(value, TaskResult):
            return super().return_value_as_string(value)
        said = [message for message in value.messages if isinstance(message, BaseChatMessage)]
        if self._last_message_only:
            return said[-1].to_model_text() if said else ""
        return transcript((message.source, message.to_model_text()) for message in said)

    async def save_state_json(self) -> Mapping[str, Any]:
        return await self._runner.save_state()

    async def load_state_json(self, state: Mapping[str, Any]) -> None:
        await self._runner.load_state(state)


class AgentTool(_TaskRunnerTool):
    """An agent as a tool, under its own name. Names and defaults are AutoGen's.

    Parameters
    ----------
    agent:
        The agent. It remembers earlier calls.
    return_value_as_last_message:
        Tell the model only the last message.
    """

    def __init__(self, agent: ChatAgent, return_value_as_last_message: bool = False) -> None:
        super().__init__(agent, agent.name, agent.description, return_value_as_last_message)


class TeamTool(_TaskRunnerTool):
    """A team as a tool. Names and defaults are AutoGen's.

    Parameters
    ----------
    team:
        The team. It remembers earlier calls.
    name, description:
        What a model is told.
    return_value_as_last_message:
        Tell the model only the last message.

    Raises
    ------
    UsageError
        The name is no identifier.
    """

    def __init__(
        self, team: Team, name: str, description: str, return_value_as_last_message: bool = False
    ) -> None:
        if not name.isidentifier():
            raise UsageError(f"The name of a tool must be a Python identifier: {name!r}.")
        super().__init__(team, name, description, return_value_as_last_message)

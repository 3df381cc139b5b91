"""Running a task, alone or as a team."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from ...sandbox.errors import UsageError
from ..messages import BaseAgentEvent, BaseChatMessage, TextMessage
from ..models.usage import RequestUsage
from ..runtime import CancellationToken

if TYPE_CHECKING:
    from ...executors.notebook_record import NotebookRecord

Task = str | BaseChatMessage | Sequence[BaseChatMessage] | None
"""What to do: text, messages, or nothing new."""


def _no_usage() -> RequestUsage:
    return RequestUsage(0, 0)


class TaskResult(BaseModel):
    """What a run gave."""

    model_config = ConfigDict(defer_build=True)

    messages: Sequence[SerializeAsAny[BaseAgentEvent | BaseChatMessage]]
    """Everything that happened, in order, but for pieces of what is there as a whole."""
    stop_reason: str | None = None
    """Why the run ended."""
    usage: RequestUsage = Field(default_factory=_no_usage)
    """The tokens of every model call of the run."""

    def notebook(
        self, title: str = "", pictures: Mapping[str, bytes] | None = None
    ) -> "NotebookRecord":
        """The run as a notebook: what was said as Markdown, code as cells with its real outputs.

        Parameters
        ----------
        title:
            Its heading; none if empty.
        pictures:
            Files the code wrote, by name, to be shown where they were written.

        Raises
        ------
        MissingExtra
            The ``nbformat`` package is not installed.
        """
        from ..recording import notebook_of, steps_of

        return notebook_of(title, steps_of(self.messages, pictures or {}))


class TaskRunner(ABC):
    """Runs a task, and tells what happens."""

    @property
    def message_types(self) -> "Sequence[type[BaseAgentEvent | BaseChatMessage]]":
        """The types in its stream; a team that has it as a member can load those it saved."""
        return ()

    @abstractmethod
    def run_stream(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        """Run a task; the :class:`TaskResult` comes last.

        All work is done while the caller waits for the next item. Leaving the iteration,
        cancelling the task that iterates, and cancelling the token each stop at once what is
        going on. (A stream that is kept in a variable after leaving it wants an ``aclose()``.)

        Parameters
        ----------
        task:
            What to do; ``None`` goes on where the last run stopped.
        cancellation_token:
            Cancelling it raises :class:`asyncio.CancelledError` here.
        output_task_messages:
            False leaves the messages of ``task`` out of the stream and the result.

        Raises
        ------
        UsageError
            The task is empty, or no task.
        """

    async def run(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> TaskResult:
        """Run a task to the end; see :meth:`run_stream`."""
        stream = self.run_stream(
            task=task,
            cancellation_token=cancellation_token,
            output_task_messages=output_task_messages,
        )
        async with aclosing(stream):
            async for item in stream:
                if isinstance(item, TaskResult):
                    return item
        raise UsageError(f"{type(self).__name__}.run_stream() ended without a TaskResult.")


def task_messages(task: Task) -> list[BaseChatMessage]:
    """The messages of a task.

    Raises
    ------
    UsageError
        There are none in it, or something that is no message.
    """
    if task is None:
        return []
    if isinstance(task, str):
        task = [TextMessage(content=task, source="user")] if task.strip() else []
    messages = [task] if isinstance(task, BaseChatMessage) else list(task)
    if not messages:
        raise UsageError("The task is empty. (None, the default, goes on without a new one.)")
    for message in messages:
        if not isinstance(message, BaseChatMessage):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(
                "A task is text, a chat message, or a sequence of chat messages; "
                f"this one holds a {type(message).__name__}."
            )
    return messages

"""The team of ``run`` and ``demo``: one writes code, the other runs it."""

import os
import warnings
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from ..agents import AssistantAgent, CodeExecutorAgent, RoundRobinGroupChat
from ..agents.conditions.simple import SimpleTermination
from ..agents.messages import BaseAgentEvent, BaseChatMessage, TextMessage
from ..agents.models import ChatCompletionClient
from ..agents.ui import Console
from ..executors.blockwise import BlockwiseExecutor
from ..executors.extractor import extract_code_blocks
from ..sandbox.errors import UsageError
from .backend import Options, make_executor
from .record import Record
from .terminal import one_line

CODER, EXECUTOR = "coder", "executor"
ANSWERED = "the coder has answered"

INSTRUCTIONS = """\
You solve the user's task by writing programs. Put a whole program into one ```python block, or \
```sh for the shell. It is run as it stands, in a fresh interpreter inside a sandbox without \
network, in the folder that holds the user's files; then you are shown what it printed. \
Variables do not survive from one program to the next, files do.

Look at the data before you rely on it. Print what you need to see. Save charts as PNG files. \
When a program fails, say in a sentence why, and give the whole mended program. Never make up a \
result.

When the task is done, answer in a few sentences and without any code block: that ends the work.\
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What the team is to do."""

    title: str
    """Of what is kept."""
    task: str
    """In the user's words."""
    files: Sequence[Path]
    """They are put into the workspace, by their names."""
    folder: Path
    """Where the record is kept."""
    max_turns: int
    remarks: str = ""
    """What the coder is told besides its instructions."""


class Answered(SimpleTermination):
    """Met when the coder says something without code: that is the answer."""

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        for message in messages:
            said = isinstance(message, TextMessage) and message.source == CODER
            if said and not extract_code_blocks(message.to_text()):
                return ANSWERED
        return None


def workspace_executor(name: str, options: Options) -> BlockwiseExecutor:
    """The executor called ``name``.

    Raises
    ------
    UsageError
        It cannot be had, or it has no workspace to put files into.
    """
    executor = make_executor(name, options)
    if not isinstance(executor, BlockwiseExecutor):
        raise UsageError(f"--executor {name}: it has no workspace that files can be put into.")
    return executor


async def work(job: Job, model: ChatCompletionClient, executor: BlockwiseExecutor) -> bool:
    """Let the team do the job, shown on the terminal; true when it came to an answer.

    Whatever ends it, the record is kept.

    Raises
    ------
    SandcrewError
        The model, the executor or a file cannot be had.
    """
    _check_folder(job.folder)
    record = Record(job.folder, executor)
    async with executor:
        names = await _put_files(job.files, executor)
        task = "\n\n".join(part for part in (job.task, names) if part)
        stream = _team(job, model, executor).run_stream(task=task)
        try:
            async with aclosing(record.follow(stream)) as followed:
                result = await Console(followed)
        finally:
            await record.break_off()
            if record.worth_keeping:
                _say_where(record.save(job.title))
    return result.stop_reason == ANSWERED


def _team(
    job: Job, model: ChatCompletionClient, executor: BlockwiseExecutor
) -> RoundRobinGroupChat:
    coder = AssistantAgent(
        CODER,
        model,
        system_message=f"{INSTRUCTIONS}\n\n{job.remarks}".strip(),
        model_client_stream=True,
    )
    with warnings.catch_warnings():
        # Who says --executor local has been told what it means.
        warnings.simplefilter("ignore", UserWarning)
        runner = CodeExecutorAgent(EXECUTOR, executor, sources=[CODER])
    return RoundRobinGroupChat(
        [coder, runner], termination_condition=Answered(), max_turns=job.max_turns
    )


def _check_folder(folder: Path) -> None:
    """Now, not when the work is done. It is only made when there is something to keep."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise UsageError(f"--output {folder}: nothing can be written there.")


async def _put_files(files: Sequence[Path], executor: BlockwiseExecutor) -> str:
    """Copy the files into the workspace; what the coder is told of them."""
    lines: list[str] = []
    for file in files:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
        try:
            await executor.write_file(file.name, data)
        except OSError as error:
            raise UsageError(
                f"{file} ({len(data):,} bytes) does not go into the workspace: {error.strerror}."
            ) from error
        lines.append(f"- {file.name} ({len(data):,} bytes)")
    return "\n".join(["Files in the working folder:", *lines]) if lines else ""


def _say_where(files: Sequence[Path]) -> None:
    print("\nKept:")
    for file in files:
        path = file.absolute()
        near = path.is_relative_to(Path.cwd())
        print(" ", one_line(str(path.relative_to(Path.cwd()) if near else path)))

"""What ``run`` and ``demo`` do: a crew works on a task, and the record of it is kept."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..agents.base import TaskResult
from ..agents.ui import Console, converse
from ..executors.blockwise import BlockwiseExecutor
from ..sandbox.errors import UsageError
from ..sandbox.intake.folder import TargetFolder
from .backend import Options, make_executor
from .crews.crew import Crew, Means
from .progress import started
from .record import Item, Record
from .terminal import one_line

_SAID = 20
"""Files that are named at the end."""


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


async def work(job: Job, make_crew: Callable[[Means], Crew], means: Means) -> bool:
    """Let a crew do the job, shown on the terminal; true when it is solved.

    Whatever ends it, the record is kept.

    Raises
    ------
    SandcrewError
        The crew, the model, the executor or a file cannot be had.
    """
    with closing(_open_folder(job.folder)) as folder:
        record = Record(folder, means.executor)

        def show(stream: AsyncGenerator[Item, None]) -> Coroutine[Any, Any, TaskResult]:
            return Console(record.follow(stream), read_file=lambda path: record.pictures.get(path))

        async with means:
            crew = make_crew(means)
            async with started(means.executor):
                names = await _put_files(job.files, means.executor)
                task = "\n\n".join(part for part in (job.task, names) if part)
                try:
                    result = await converse(crew.team, task, show=show)
                finally:
                    await record.break_off()
                    if record.worth_keeping:
                        _say_where(record.save(job.title))
        return crew.solved(result)


def _open_folder(folder: Path) -> TargetFolder:
    """Now, not when the work is done. It is only made when there is something to keep."""
    try:
        target = TargetFolder(folder)
    except UsageError as error:
        raise UsageError(f"--output: {error}") from error
    if not target.is_writable:
        target.close()
        raise UsageError(f"--output {folder}: nothing can be written there.")
    return target


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
    for path in files[:_SAID]:
        near = path.is_relative_to(Path.cwd())
        print(" ", one_line(str(path.relative_to(Path.cwd()) if near else path)))
    if len(files) > _SAID:
        print(f"  and {len(files) - _SAID:,} more")

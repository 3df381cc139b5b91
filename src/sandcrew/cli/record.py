"""Keeps what happens in a run: the transcript, the notebook, and the files the code made."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from ..agents.base import TaskResult
from ..agents.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    CodeExecutionEvent,
    CodeGenerationEvent,
    CodeOutputEvent,
    ModelClientStreamingChunkEvent,
)
from ..executors.block import CodeBlock
from ..executors.blockwise import BlockwiseExecutor
from ..executors.notebook_record import NotebookRecord
from ..executors.safe_outputs import image_type
from ..sandbox.errors import MissingExtra, SandcrewError
from ..sandbox.result import EXIT_CANCELLED, Artifact, CodeResult
from .prose import without_code
from .terminal import note
from .transcript import Ran, Said, Step, transcript

Item = BaseAgentEvent | BaseChatMessage | TaskResult

TRANSCRIPT, NOTEBOOK = "transcript.md", "notebook.ipynb"
MAX_FILES = 1000
"""Files that are kept of one run."""
MAX_PICTURE = 8 << 20
"""Largest picture that is put into the notebook, in bytes."""


@dataclass
class Record:
    """A run, kept in a folder.

    Parameters
    ----------
    folder:
        Where everything goes; it is made when there is something to keep.
    executor:
        Whose workspace the files are in.
    """

    folder: Path
    executor: BlockwiseExecutor
    steps: list[Step] = field(default_factory=list[Step])
    files: dict[str, Path] = field(default_factory=dict[str, Path])
    """What was kept of the workspace, by its name there."""
    pictures: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Of the code that ran last, by their names in the workspace."""
    _running: list[CodeBlock] | None = None
    _printed: list[CodeOutputEvent] = field(default_factory=list[CodeOutputEvent])
    _saying: list[ModelClientStreamingChunkEvent] = field(
        default_factory=list[ModelClientStreamingChunkEvent]
    )

    async def follow(self, stream: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
        """Pass a stream on and keep what it tells."""
        async with aclosing(stream):
            async for item in stream:
                await self._take(item)
                yield item

    async def _take(self, item: Item) -> None:
        match item:
            case ModelClientStreamingChunkEvent():
                self._saying.append(item)
            case CodeGenerationEvent():
                if item.models_usage is not None:  # Its own words, not those of another before.
                    self._said(item)
                self._running = item.code_blocks
                self._printed.clear()
            case CodeOutputEvent():
                self._printed.append(item)
            case CodeExecutionEvent():
                await self._ran(item.result)
            case BaseChatMessage() if item.models_usage or "exit_code" not in item.metadata:
                self._said(item)
            case _:
                pass  # the executor's report repeats the result; other events come with a message

    def _said(self, item: BaseAgentEvent | BaseChatMessage) -> None:
        self._saying.clear()
        self.steps.append(Said(item.source, item.to_text()))

    async def _ran(self, result: CodeResult) -> None:
        blocks, self._running = self._running or [], None
        self.pictures = pictures = await self._keep(result.artifacts)
        self.steps.append(Ran(blocks, result, pictures))

    async def break_off(self) -> None:
        """Take what was half said and half run when the run was stopped."""
        if self._saying:
            text = "".join(chunk.content for chunk in self._saying)
            self.steps.append(Said(self._saying[0].source, f"{text} […]"))
            self._saying.clear()
        if self._running is not None:
            result = CodeResult(
                EXIT_CANCELLED,
                output=self._so_far("stdout", "stderr"),
                stdout=self._so_far("stdout"),
                stderr=self._so_far("stderr"),
                cancelled=True,
            )
            await self._ran(result)
            with suppress(SandcrewError, OSError):
                await self._keep(await self.executor.list_files())

    def _so_far(self, *streams: str) -> str:
        return "".join(event.content for event in self._printed if event.stream in streams)

    @property
    def worth_keeping(self) -> bool:
        """False while there is nothing but the task."""
        return len(self.steps) > 1

    def save(self, title: str) -> list[Path]:
        """Write transcript and notebook; all files there are."""
        self.folder.mkdir(parents=True, exist_ok=True)
        written = [self.folder / TRANSCRIPT]
        written[0].write_text(transcript(title, self.steps), "utf-8", "replace")
        try:
            written.append(self._save_notebook(title))
        except MissingExtra as error:
            note(f"no notebook: {error}")
        return [*written, *self.files.values()]

    def _save_notebook(self, title: str) -> Path:
        notebook = NotebookRecord()
        notebook.add_text(f"# {title}")
        for step, following in zip_longest(self.steps, self.steps[1:]):
            if isinstance(step, Ran):
                notebook.add_run(step.blocks, step.result, step.pictures)
                continue
            ran = following.blocks if isinstance(following, Ran) else []
            notebook.add_text(f"**{step.speaker}**\n\n{without_code(step.text, ran)}")
        path = self.folder / NOTEBOOK
        path.write_bytes(notebook.to_bytes())
        return path

    async def _keep(self, artifacts: "tuple[Artifact, ...] | list[Artifact]") -> dict[str, bytes]:
        """Copy files out of the workspace; those that may be shown."""
        pictures: dict[str, bytes] = {}
        for artifact in artifacts:
            if artifact.path not in self.files and len(self.files) >= MAX_FILES:
                note(f"more than {MAX_FILES} files: {artifact.path} and others are not kept.")
                break
            try:
                data = await self.executor.read_file(artifact.path)
            except (OSError, SandcrewError) as error:
                note(f"{artifact.path} is not kept: {error}")
                continue
            self.files[artifact.path] = self._write(artifact.path, data)
            if image_type(data) and len(data) <= MAX_PICTURE:
                pictures[artifact.path] = data
        return pictures

    def _write(self, name: str, data: bytes) -> Path:
        # The code may have chosen the names that are ours.
        path = self.folder / (f"from-code-{name}" if name in (TRANSCRIPT, NOTEBOOK) else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

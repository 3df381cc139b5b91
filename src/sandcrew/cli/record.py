"""Keeps what happens in a run: the transcript, the notebook, and the files the code made."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..agents.base import TaskResult
from ..agents.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    CodeGenerationEvent,
    CodeOutputEvent,
    ModelClientStreamingChunkEvent,
)
from ..agents.recording import Ran, Said, Step, StepReader, notebook_of
from ..executors.blockwise import BlockwiseExecutor
from ..executors.notebook_record import MAX_PICTURE
from ..executors.safe_outputs import image_type
from ..sandbox.errors import MissingExtra, SandcrewError
from ..sandbox.result import EXIT_CANCELLED, Artifact, CodeResult
from .terminal import note
from .transcript import transcript

Item = BaseAgentEvent | BaseChatMessage | TaskResult

TRANSCRIPT, NOTEBOOK = "transcript.md", "notebook.ipynb"
MAX_FILES = 1000
"""Files that are kept of one run."""


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
    _reader: StepReader = field(default_factory=StepReader)
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
            case CodeOutputEvent():
                self._printed.append(item)
            case CodeGenerationEvent():
                self._printed.clear()
            case _:
                pass
        match self._reader.read(item):
            case Said() as said:
                self._saying.clear()
                self.steps.append(said)
            case Ran() as ran:
                await self._ran(ran)
            case None:
                pass

    async def _ran(self, ran: Ran) -> None:
        self.pictures = await self._keep(ran.result.artifacts)
        self.steps.append(replace(ran, pictures=self.pictures))

    async def break_off(self) -> None:
        """Take what was half said and half run when the run was stopped."""
        if self._saying:
            text = "".join(chunk.content for chunk in self._saying)
            self.steps.append(Said(self._saying[0].source, f"{text} […]"))
            self._saying.clear()
        blocks, self._reader.running = self._reader.running, None
        if blocks is not None:
            result = CodeResult(
                EXIT_CANCELLED,
                output=self._so_far("stdout", "stderr"),
                stdout=self._so_far("stdout"),
                stderr=self._so_far("stderr"),
                cancelled=True,
            )
            await self._ran(Ran(blocks, result))
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
        path = self.folder / NOTEBOOK
        path.write_bytes(notebook_of(title, self.steps).to_bytes())
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

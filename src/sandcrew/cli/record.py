"""Keeps what happens in a run: the transcript, the notebook, and the files the code made."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

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
from ..sandbox.errors import MissingExtra, SandcrewError, UsageError
from ..sandbox.intake.files import KeptFiles
from ..sandbox.intake.folder import TargetFolder, put, write_all
from ..sandbox.intake.left_out import LeftOut
from ..sandbox.intake.names import shown_name
from ..sandbox.intake.pictures import MAX_BYTES, picture_type, read_picture
from ..sandbox.policy import Policy
from ..sandbox.result import EXIT_CANCELLED, Artifact, CodeResult
from .terminal import note
from .transcript import transcript

Item = BaseAgentEvent | BaseChatMessage | TaskResult

TRANSCRIPT, NOTEBOOK = "transcript.md", "notebook.ipynb"
MAX_KEPT = 1 << 30
"""Bytes of files that are kept of one run where no policy says how much code may write."""
MAX_SHOWN = 64 << 20
"""Bytes of pictures that are shown of one run, all steps together."""


@dataclass
class Record:
    """A run, kept in a folder.

    What is ours stands in the folder itself and what the code made in one below it, so that none
    of its names can be ours, and no module of its own is beside the notebook to be imported.

    Parameters
    ----------
    folder:
        Where everything goes; it is made when there is something to keep.
    executor:
        Whose workspace the files are in.
    """

    folder: TargetFolder
    executor: BlockwiseExecutor
    steps: list[Step] = field(default_factory=list[Step])
    files: KeptFiles = field(init=False)
    pictures: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Of the code that ran last, by their names in the workspace."""
    _shown: int = 0
    _reader: StepReader = field(default_factory=StepReader)
    _printed: list[CodeOutputEvent] = field(default_factory=list[CodeOutputEvent])
    _saying: list[ModelClientStreamingChunkEvent] = field(
        default_factory=list[ModelClientStreamingChunkEvent]
    )

    def __post_init__(self) -> None:
        self.files = KeptFiles(self.folder, _limit(self.executor))

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
        """Write transcript and notebook; all files there are.

        Raises
        ------
        UsageError
            One of the two cannot be written.
        """
        text = transcript(title, self.steps, self.files.paths, self.files.account())
        written = [self._write(TRANSCRIPT, text.encode("utf-8", "replace"))]
        try:
            written.append(self._write(NOTEBOOK, notebook_of(title, self.steps).to_bytes()))
        except MissingExtra as error:
            note(f"no notebook: {error}")
        if summary := self.files.summary():
            note(f"{summary}; see {TRANSCRIPT}.")
        return [*written, *(self.folder.path / path for path in self.files.paths.values())]

    def _write(self, name: str, data: bytes) -> Path:
        path = self.folder.path / name
        try:
            put(self.folder.descriptor(), name, lambda fd: write_all(fd, data), 0o666)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
        return path

    async def _keep(self, artifacts: Iterable[Artifact]) -> dict[str, bytes]:
        """Copy files out of the workspace; those that may be shown."""
        pictures: dict[str, bytes] = {}
        for artifact in artifacts:
            source = await self._open(artifact)
            if isinstance(source, LeftOut):
                self.files.leave_out(artifact.path, source)
                continue
            with source:
                kept = await asyncio.to_thread(self.files.keep, artifact.path, source)
                data = None if isinstance(kept, LeftOut) else self._picture(source)
            if data is not None:
                pictures[artifact.path] = data
        return pictures

    async def _open(self, artifact: Artifact) -> BinaryIO | LeftOut:
        try:
            return await self.executor.open_file(artifact.path)
        except (OSError, SandcrewError) as error:
            return LeftOut(f"it cannot be read: {shown_name(str(error))}")

    def _picture(self, source: BinaryIO) -> bytes | None:
        """What is in a file, if that is a picture that may be shown."""
        size = source.seek(0, os.SEEK_END)
        source.seek(0)
        if size > min(MAX_BYTES, MAX_SHOWN - self._shown) or picture_type(source.read(16)) is None:
            return None
        source.seek(0)
        data = source.read(MAX_BYTES)
        if isinstance(read_picture(data), LeftOut):
            return None
        self._shown += len(data)
        return data


def _limit(executor: BlockwiseExecutor) -> int:
    """Bytes: as many as code may write at all."""
    policy = getattr(executor, "policy", None)
    if isinstance(policy, Policy) and isinstance(policy.disk, int):
        return policy.disk
    return MAX_KEPT

"""Where a file surfer's files are."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from ...sandbox.errors import UsageError
from ...sandbox.result import Artifact
from ...sandbox.workspace import Workspace

T = TypeVar("T")


@runtime_checkable
class Files(Protocol):
    """A place with files; a sandbox's executor is one."""

    async def list_files(self) -> list[Artifact]:
        """All regular files, by path."""
        ...

    async def read_file(self, path: str) -> bytes:
        """The content of one.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        UsageError
            The path leads out, or is no regular file.
        """
        ...


class FolderFiles:
    """The files in a folder of the host; no path and no link leads out of it.

    Raises
    ------
    UsageError
        There is no such folder.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder).absolute()
        if not self._folder.is_dir():
            raise UsageError(f"There is no folder {self._folder}.")

    async def list_files(self) -> list[Artifact]:
        return await asyncio.to_thread(self._within, lambda workspace: workspace.list_files())

    async def read_file(self, path: str) -> bytes:
        return await asyncio.to_thread(self._within, lambda workspace: workspace.read_file(path))

    def _within(self, work: Callable[[Workspace], T]) -> T:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return work(Workspace(descriptor))
        finally:
            os.close(descriptor)

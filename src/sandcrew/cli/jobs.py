"""What ``sandcrew exec`` can run: blocks in an executor, or a notebook in a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from .backend import make_executor, make_kernel_executor
from .source import read_blocks, read_file

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..executors.base import CodeExecutor
    from ..sandbox.result import CodeResult
    from .backend import Options


class Job(Protocol):
    """Something to run, and the notebook that is kept of it."""

    @property
    def runner(self) -> CodeExecutor:
        """What it runs in, not started yet."""
        ...

    def stream(self) -> AsyncGenerator[object, None]:
        """Run it: events, and the result last."""
        ...

    async def record(self, result: CodeResult | None) -> bytes:
        """The notebook, as far as it came; there is a result if it came to its end."""
        ...


class BlocksJob:
    """The blocks of any file."""

    def __init__(self, file: str, options: Options, executor: str, language: str | None) -> None:
        self.runner = make_executor(executor, options)
        self._file = file
        self._blocks = read_blocks(file, language, getattr(self.runner, "languages", None))

    def stream(self) -> AsyncGenerator[object, None]:
        return cast("AsyncGenerator[object, None]", self.runner.stream(self._blocks))

    async def record(self, result: CodeResult | None) -> bytes:
        from ..executors.blockwise import BlockwiseExecutor
        from ..executors.notebook_record import NotebookRecord, pictures_of

        notebook = NotebookRecord(self._file)
        if result is not None:
            pictures: dict[str, bytes] = {}
            if isinstance(self.runner, BlockwiseExecutor):
                pictures = await pictures_of(result, self.runner.read_file)
            notebook.add_run(self._blocks, result, pictures)
        return notebook.to_bytes()


class NotebookJob:
    """A notebook, cell by cell in a kernel."""

    def __init__(self, file: str, options: Options, executor: str) -> None:
        from ..executors.jupyter.notebook import NotebookRun

        self._run = NotebookRun(read_file(file))
        self.runner = make_kernel_executor(executor, options, self._run.kernel_name)

    def stream(self) -> AsyncGenerator[object, None]:
        return cast("AsyncGenerator[object, None]", self._run.stream(self.runner))

    async def record(self, result: CodeResult | None) -> bytes:
        return self._run.to_bytes()

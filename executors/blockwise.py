"""The loop every executor of ours shares: blocks in order, stop at the first failure."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import aclosing
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from ..sandbox.result import EXIT_CANCELLED, CodeResult, OutputEvent, Usage
from .base import CodeExecutor
from .block import CodeBlock, canonical_language
from .events import BlockFinished, BlockStarted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from ..sandbox.result import Artifact
    from .cancellation import CancellationToken
    from .events import ExecutionEvent


class BlockwiseExecutor(CodeExecutor):
    """An executor that runs one block at a time.

    A backend implements :meth:`_run_block`, the life cycle, and the three file methods; this
    class does the rest of the contract.
    """

    languages: tuple[str, ...] = ("python", "bash", "sh")
    """Canonical names of the languages the backend can run; an instance may have its own."""

    @abstractmethod
    def _run_block(
        self, block: CodeBlock, cancellation_token: CancellationToken | None
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]:
        """Run one block in a canonical, supported language; the result comes last."""

    @abstractmethod
    async def read_file(self, path: str) -> bytes:
        """The content of a workspace file.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        UsageError
            The path leaves the workspace, or is not a regular file.
        """

    async def open_file(self, path: str) -> BinaryIO:
        """A workspace file, open for reading; the caller closes it.

        This default has all of it in memory; a backend that can open the file itself is better.

        Raises
        ------
        FileNotFoundError, UsageError
            As of :meth:`read_file`.
        """
        return BytesIO(await self.read_file(path))

    @abstractmethod
    async def write_file(self, path: str, data: bytes) -> None:
        """Put a file into the workspace, making folders as needed."""

    @abstractmethod
    async def list_files(self) -> list[Artifact]:
        """The regular files of the workspace, by path."""

    async def execute_code_blocks(
        self,
        code_blocks: Sequence[CodeBlock],
        cancellation_token: CancellationToken | None = None,
    ) -> CodeResult:
        result = CodeResult(exit_code=0, output="")
        async with aclosing(self.stream(code_blocks, cancellation_token)) as events:
            async for event in events:
                if isinstance(event, CodeResult):
                    result = event
        return result

    async def stream(
        self,
        code_blocks: Sequence[CodeBlock],
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[ExecutionEvent | CodeResult, None]:
        async with aclosing(self.start_stream()) as steps:
            async for step in steps:
                yield step
        hindrance = await self._prepare(cancellation_token)
        if hindrance is not None:
            yield hindrance
            return
        results: list[CodeResult] = []
        for index, block in enumerate(code_blocks):
            block = CodeBlock(block.code, canonical_language(block.language))
            yield BlockStarted(index, block)
            async with aclosing(self._run_or_refuse(block, cancellation_token)) as events:
                async for event in events:
                    if isinstance(event, CodeResult):
                        results.append(event)
                    else:
                        yield event
            yield BlockFinished(index, results[-1])
            if results[-1].exit_code != 0:
                break
        yield merge_results(results)

    async def _prepare(self, cancellation_token: CancellationToken | None) -> CodeResult | None:
        """What else has to be done before blocks can run; a result if none can. Here nothing."""
        return None

    async def _run_or_refuse(
        self, block: CodeBlock, token: CancellationToken | None
    ) -> AsyncGenerator[OutputEvent | CodeResult, None]:
        if token is not None and token.is_cancelled():
            yield CodeResult(exit_code=EXIT_CANCELLED, output="", cancelled=True)
        elif block.language not in self.languages:
            yield unknown_language(block.language, self.languages)
        else:
            async with aclosing(self._run_block(block, token)) as events:
                async for event in events:
                    yield event


def unknown_language(language: str, known: Sequence[str]) -> CodeResult:
    """The result of a block nobody here can run; a model can read it and do better."""
    name = repr(language) if language else "without a language"
    return refusal(f"unknown language {name}: this executor runs {', '.join(known)}.")


def refusal(message: str) -> CodeResult:
    """The result of a block that could not even be started."""
    return CodeResult(exit_code=1, output=f"{message}\n", stderr=f"{message}\n")


def merge_results(results: Sequence[CodeResult]) -> CodeResult:
    """One result for several blocks: the last one's verdict, everybody's output."""
    if not results:
        return CodeResult(exit_code=0, output="")
    if len(results) == 1:
        return results[0]
    artifacts = {artifact.path: artifact for result in results for artifact in result.artifacts}
    return replace(
        results[-1],
        output="".join(r.output for r in results),
        stdout="".join(r.stdout for r in results),
        stderr="".join(r.stderr for r in results),
        outputs=tuple(output for r in results for output in r.outputs),
        artifacts=tuple(artifacts[path] for path in sorted(artifacts)),
        truncated=any(r.truncated for r in results),
        duration=sum(r.duration for r in results),
        usage=Usage.total([r.usage for r in results]),
        contacts=tuple(contact for r in results for contact in r.contacts),
        denials=tuple(dict.fromkeys(denial for r in results for denial in r.denials)),
    )

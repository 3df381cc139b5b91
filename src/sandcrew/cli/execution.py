"""What ``sandcrew exec`` does, without the parsing of its options."""

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from .backend import Options, make_executor
from .source import read_blocks
from .terminal import note, write_output

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..executors.base import CodeExecutor
    from ..executors.block import CodeBlock
    from ..sandbox.result import CodeResult


def execute(
    file: str,
    options: Options,
    *,
    executor: str = "sandbox",
    language: str | None = None,
    json: bool = False,
) -> int:
    """Run the code of a file, and pass on what it prints, or the result; the exit code."""
    runner = make_executor(executor, options)
    blocks = read_blocks(file, language, getattr(runner, "languages", None))
    result = asyncio.run(_run(runner, blocks, quiet=json))
    if json:
        _print_json(result)
    else:
        _explain(result)
    return result.exit_code if 0 <= result.exit_code <= 255 else 1


async def _run(runner: "CodeExecutor", blocks: "list[CodeBlock]", *, quiet: bool) -> "CodeResult":
    from ..executors.events import BlockFinished
    from ..sandbox.result import CodeResult, OutputEvent

    result: CodeResult | None = None
    printed = 0
    async with runner:
        events = cast("AsyncGenerator[object, None]", runner.stream(blocks))
        async with aclosing(events):
            async for event in events:
                match event:
                    case OutputEvent():
                        printed += 1
                        if not quiet:
                            write_output(event.text, event.stream)
                    case BlockFinished() | CodeResult():
                        result = event.result if isinstance(event, BlockFinished) else event
                        if not quiet and not printed:
                            # A refusal, or an executor that tells nothing before the end.
                            write_output(result.stdout or "", "stdout")
                            write_output(result.stderr or "", "stderr")
                            printed += len(result.output)
                    case _:
                        printed = 0
    assert result is not None, "a stream ends with its result"
    return result


def _print_json(result: "CodeResult") -> None:
    from dataclasses import fields
    from json import dumps

    from ..sandbox.result import CodeResult

    known = {field.name for field in fields(CodeResult)}
    values = {key: value for key, value in result.to_dict().items() if key in known}
    write_output(dumps(values) + "\n", "stdout")


def _explain(result: "CodeResult") -> None:
    """What the program itself could not say."""
    if result.timed_out:
        note(f"stopped at the time limit, after {result.duration:.1f} s; --timeout sets it.")
    elif result.limit_hit:
        note(f"stopped by its limit of {result.limit_hit}.")
    if result.truncated:
        note("only the first part of the output is shown; 'output' in a --policy sets how much.")

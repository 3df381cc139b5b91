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
    from ..executors.events import BlockFinished, BlockStarted
    from ..sandbox.result import CodeResult, OutputEvent

    result: CodeResult | None = None
    told = False
    async with runner:
        events = cast("AsyncGenerator[object, None]", runner.stream(blocks))
        async with aclosing(events):
            async for event in events:
                match event:
                    case OutputEvent():
                        told = True
                        if not quiet:
                            write_output(event.text, event.stream)
                    case BlockStarted():
                        told = False
                    case BlockFinished():
                        # A refusal is told only here.
                        if not (told or quiet):
                            _write_result(event.result)
                        told = True
                    case CodeResult():
                        result = event
                    case _:
                        pass
    assert result is not None, "a stream ends with its result"
    if not (told or quiet):
        _write_result(result)
    return result


def _write_result(result: "CodeResult") -> None:
    write_output(result.stdout or ("" if result.stderr else result.output), "stdout")
    write_output(result.stderr, "stderr")


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

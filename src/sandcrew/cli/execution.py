"""What ``sandcrew exec`` does, without the parsing of its options."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from .jobs import BlocksJob, NotebookJob
from .progress import started
from .saving import EXIT_NOT_SAVED, SavedNotebook
from .source import is_notebook
from .terminal import ProgramOutput, note, write_output

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from ..sandbox.result import CodeResult
    from .backend import Options
    from .jobs import Job


def execute(
    file: str,
    options: Options,
    *,
    executor: str = "sandbox",
    language: str | None = None,
    json: bool = False,
    raw: bool = False,
    save: Path | None = None,
) -> int:
    """Run the code of a file, and pass on what it prints, or the result; the exit code."""
    saved = SavedNotebook.at(save)
    job: Job
    if is_notebook(file, language) and (save is not None or executor == "jupyter"):
        job = NotebookJob(file, options, executor)
    else:
        job = BlocksJob(file, options, executor, language)
    try:
        result = asyncio.run(_run(job, saved, None if json else ProgramOutput(raw=raw)))
    finally:
        saved.write()
    if json:
        _print_json(result)
    else:
        _explain(result)
    code = result.exit_code if 0 <= result.exit_code <= 255 else 1
    return code or (EXIT_NOT_SAVED if saved.failed else 0)


async def _run(job: Job, saved: SavedNotebook, output: ProgramOutput | None) -> CodeResult:
    result: CodeResult | None = None
    async with started(job.runner):
        try:
            result = await _follow(job.stream(), output)
            return result
        finally:
            if saved.wanted:  # as far as it came
                saved.content = await job.record(result)


async def _follow(events: AsyncGenerator[object, None], output: ProgramOutput | None) -> CodeResult:
    try:
        async with aclosing(events):
            return await _pass_on(events, output)
    finally:
        if output is not None:
            output.finish()


async def _pass_on(
    events: AsyncGenerator[object, None], output: ProgramOutput | None
) -> CodeResult:
    from ..executors.events import BlockFinished, BlockStarted
    from ..sandbox.result import CodeResult, OutputEvent

    result: CodeResult | None = None
    told = output is None
    async for event in events:
        match event:
            case OutputEvent():
                told = True
                if output is not None:
                    output.write(event.text, event.stream)
            case BlockStarted():
                told = output is None
            case BlockFinished():
                # A refusal is told only here.
                if output is not None and not told:
                    _write_result(event.result, output)
                told = True
            case CodeResult():
                result = event
            case _:
                pass
    assert result is not None, "a stream ends with its result"
    if output is not None and not told:
        _write_result(result, output)
    return result


def _write_result(result: CodeResult, output: ProgramOutput) -> None:
    output.write(result.stdout or ("" if result.stderr else result.output), "stdout")
    output.write(result.stderr, "stderr")


def _print_json(result: CodeResult) -> None:
    from dataclasses import fields
    from json import dumps

    from ..sandbox.result import CodeResult

    known = {field.name for field in fields(CodeResult)}
    values = {key: value for key, value in result.to_dict().items() if key in known}
    write_output(dumps(values) + "\n", "stdout")


def _explain(result: CodeResult) -> None:
    """What the program itself could not say."""
    if result.timed_out:
        note(f"stopped at the time limit, after {result.duration:.1f} s; --timeout sets it.")
    elif result.limit_hit:
        note(f"stopped by its limit of {result.limit_hit}.")
    for denial in result.denials:
        if not denial.was_refused:
            note(f"left in the work folder: {denial.kind} {denial.subject} ({denial.reason}).")
    if result.truncated:
        note("the output was longer than is kept; 'output' in a --policy sets how much is.")

"""The contract: time limits, cancellation, and that nothing is left running."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from ...sandbox.result import EXIT_CANCELLED, EXIT_TIMEOUT, CodeResult, OutputEvent
from ..cancellation import CancellationToken
from .base import (
    DAEMON,
    ENDLESS,
    ENDLESS_DAEMON,
    IGNORES_SIGTERM,
    LOOK,
    ContractBase,
    first_output,
    last_result,
    python,
    run,
)

if TYPE_CHECKING:
    from ..block import CodeBlock
    from ..blockwise import BlockwiseExecutor


class StoppingContract(ContractBase):
    async def test_the_time_limit_is_a_result_with_what_was_printed_until_then(self) -> None:
        async with self.make_executor(timeout=self.short) as executor:
            result = await run(executor, ENDLESS)
        assert result.exit_code == EXIT_TIMEOUT
        assert result.timed_out
        assert result.limit_hit == "timeout"
        assert result.output == "begun\n"

    async def test_a_program_that_ignores_sigterm_ends_all_the_same(self) -> None:
        async with self.make_executor(timeout=self.short) as executor:
            result = await run(executor, IGNORES_SIGTERM)
        assert (result.exit_code, result.output) == (EXIT_TIMEOUT, "begun\n")

    async def test_an_exit_code_of_124_is_no_time_limit(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python("raise SystemExit(124)"))
        assert result.exit_code == 124
        assert not result.timed_out

    async def test_the_executor_is_usable_after_a_time_limit(self) -> None:
        async with self.make_executor(timeout=self.short) as executor:
            await run(executor, ENDLESS)
            assert (await run(executor, python("print(1)"))).output == "1\n"

    async def test_a_token_cancelled_before_keeps_the_program_from_running(self) -> None:
        token = CancellationToken()
        token.cancel()
        async with self.make_executor() as executor:
            result = await run(executor, python("open('trace', 'w')"), token=token)
            files = [file.path for file in await executor.list_files()]
        assert (result.exit_code, result.cancelled) == (EXIT_CANCELLED, True)
        assert "trace" not in files

    async def test_a_token_cancelled_meanwhile_ends_the_program_and_keeps_its_output(self) -> None:
        token = CancellationToken()
        async with (
            self.make_executor() as executor,
            aclosing(executor.stream([IGNORES_SIGTERM, ENDLESS], token)) as events,
        ):
            await first_output(events)
            token.cancel()
            result = await last_result(events)
        assert (result.exit_code, result.cancelled) == (EXIT_CANCELLED, True)
        assert result.output == "begun\n"
        assert not result.timed_out

    async def test_a_token_may_be_cancelled_from_another_thread(self) -> None:
        token = CancellationToken()
        async with (
            self.make_executor() as executor,
            aclosing(executor.stream([ENDLESS], token)) as events,
        ):
            await first_output(events)
            await asyncio.to_thread(token.cancel)
            assert (await last_result(events)).cancelled

    async def test_a_token_cancelled_afterwards_changes_nothing(self) -> None:
        token = CancellationToken()
        async with self.make_executor() as executor:
            result = await run(executor, python("print(1)"), token=token)
            token.cancel()
            assert (await run(executor, python("print(2)"))).output == "2\n"
        assert (result.exit_code, result.cancelled) == (0, False)

    async def test_cancelling_one_run_leaves_the_others_alone(self) -> None:
        token = CancellationToken()
        other = python("""
            import os, time
            while not os.path.exists("go"):
                time.sleep(0.01)
            print("done")
        """)
        async with self.make_executor() as executor:
            task = asyncio.create_task(run(executor, other))
            async with aclosing(executor.stream([ENDLESS], token)) as events:
                await first_output(events)
                token.cancel()
                assert (await last_result(events)).cancelled
            await executor.write_file("go", b"")
            assert (await task).output == "done\n"

    async def test_cancelling_the_task_kills_the_program_and_raises(self) -> None:
        async with self.make_executor() as executor:
            task = await _running_task(executor, ENDLESS_DAEMON)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await run(executor, LOOK)).output == "dead\n"

    async def test_leaving_the_stream_early_kills_the_program(self) -> None:
        async with self.make_executor() as executor:
            async with aclosing(executor.stream([ENDLESS_DAEMON])) as events:
                assert await first_output(events) == "alive\n"
            assert (await run(executor, LOOK)).output == "dead\n"

    async def test_a_daemon_dies_with_the_run_that_left_it(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, DAEMON)
            assert (result.exit_code, result.output) == (0, "alive\n")
            assert (await run(executor, LOOK)).output == "dead\n"

    async def test_a_daemon_dies_at_the_time_limit(self) -> None:
        async with self.make_executor(timeout=self.short) as executor:
            result = await run(executor, ENDLESS_DAEMON)
            assert (result.timed_out, result.output) == (True, "alive\n")
            assert (await run(executor, LOOK)).output == "dead\n"

    async def test_a_program_in_the_background_does_not_hold_up_the_run(self) -> None:
        block = python("""
            import subprocess, sys
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
            print("left it")
        """)
        async with self.make_executor() as executor:
            result = await run(executor, block)
        assert (result.exit_code, result.output) == (0, "left it\n")

    async def test_stopping_ends_a_running_call_with_a_result(self) -> None:
        async with self.make_executor() as executor:
            task = await _running_task(executor, ENDLESS)
            await executor.stop()
            result = await task
        assert (result.exit_code, result.cancelled) == (EXIT_CANCELLED, True)
        assert result.output == "begun\n"


async def _running_task(executor: BlockwiseExecutor, block: CodeBlock) -> asyncio.Task[CodeResult]:
    """A task in which the block runs and has printed something."""
    printed = asyncio.Event()

    async def consume() -> CodeResult:
        result: CodeResult | None = None
        async with aclosing(executor.stream([block])) as events:
            async for event in events:
                if isinstance(event, OutputEvent):
                    printed.set()
                elif isinstance(event, CodeResult):
                    result = event
        assert result is not None
        return result

    task = asyncio.create_task(consume())
    await printed.wait()
    return task

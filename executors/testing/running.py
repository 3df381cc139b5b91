"""The contract: what a block that runs to its end gives."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from ...sandbox.result import CodeResult
from ..block import CodeBlock
from ..events import BlockFinished, BlockStarted
from .base import ContractBase, bash, python, run


class RunningContract(ContractBase):
    async def test_a_program_that_succeeds_gives_exit_code_0_and_its_output(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python("print(6 * 7)"))
        assert (result.exit_code, result.output) == (0, "42\n")
        assert (result.timed_out, result.cancelled, result.truncated) == (False,) * 3

    async def test_the_exit_code_is_the_program_s(self) -> None:
        async with self.make_executor() as executor:
            assert (await run(executor, python("raise SystemExit(3)"))).exit_code == 3
            assert (await run(executor, bash("exit 4"))).exit_code == 4

    async def test_an_uncaught_exception_gives_exit_code_1_and_a_traceback(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python("print('before')\n1 / 0"))
        assert result.exit_code == 1
        assert result.stdout == "before\n"
        assert "Traceback" in result.stderr
        assert "ZeroDivisionError" in result.stderr

    async def test_a_syntax_error_is_a_result(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python("def"))
        assert result.exit_code == 1
        assert "SyntaxError" in result.output

    @pytest.mark.parametrize("number", [9, 11, 15])
    async def test_a_program_killed_by_signal_n_gives_128_plus_n(self, number: int) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python(f"import os; os.kill(os.getpid(), {number})"))
        assert result.exit_code == 128 + number

    async def test_blocks_run_in_order_and_their_output_is_joined(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python("print('one')"), bash("echo two"))
        assert (result.exit_code, result.output) == (0, "one\ntwo\n")

    async def test_the_first_block_that_fails_is_the_last(self) -> None:
        blocks = [python("print('one'); raise SystemExit(5)"), python("print('two')")]
        async with self.make_executor() as executor:
            result = await run(executor, *blocks)
        assert (result.exit_code, result.output) == (5, "one\n")

    async def test_an_unknown_language_is_a_result_that_names_it(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, CodeBlock("x", "klingon"), python("print(1)"))
        assert result.exit_code == 1
        assert "klingon" in result.output
        assert "python" in result.output

    async def test_a_block_without_a_language_is_a_result(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, CodeBlock("print(1)", ""))
        assert result.exit_code == 1
        assert "language" in result.output

    async def test_no_blocks_are_a_success(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor)
        assert (result.exit_code, result.output) == (0, "")

    async def test_an_empty_block_is_a_success(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python(""))
        assert (result.exit_code, result.output) == (0, "")

    @pytest.mark.parametrize("language", ["python", "Python", "py", "python3"])
    async def test_a_language_goes_by_its_aliases(self, language: str) -> None:
        async with self.make_executor() as executor:
            assert (await run(executor, CodeBlock("print(1)", language))).output == "1\n"

    @pytest.mark.parametrize("language", ["bash", "sh", "shell"])
    async def test_a_shell_runs(self, language: str) -> None:
        block = CodeBlock('for word in a b; do echo "$word"; done', language)
        async with self.make_executor() as executor:
            assert (await run(executor, block)).output == "a\nb\n"

    async def test_bash_is_bash(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, bash('words=(a b); echo "${words[1]}"'))
        assert (result.exit_code, result.output) == (0, "b\n")

    async def test_javascript_runs_where_it_is_offered(self) -> None:
        async with self.make_executor() as executor:
            if "javascript" not in executor.languages:
                pytest.skip("node is not there")
            result = await run(executor, CodeBlock("console.log(6 * 7)", "js"))
        assert (result.exit_code, result.output) == (0, "42\n")

    async def test_a_block_of_5_megabytes_runs(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python(f"print(len('{'x' * 5_000_000}'))"))
        assert (result.exit_code, result.output) == (0, "5000000\n")

    async def test_text_beyond_ascii_arrives_as_it_was_written(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python("print('né 東京 🚀')"))
        assert result.output == "né 東京 🚀\n"

    async def test_input_is_empty(self) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python("input()"))
        assert result.exit_code == 1
        assert "EOFError" in result.stderr

    async def test_ten_runs_of_the_same_block_at_once_give_ten_right_answers(self) -> None:
        block = python("print(sum(range(1000)))")
        async with self.make_executor() as executor:
            results = await asyncio.gather(*(run(executor, block) for _ in range(10)))
        assert [(result.exit_code, result.output) for result in results] == [(0, "499500\n")] * 10

    async def test_different_runs_at_once_do_not_mix(self) -> None:
        async with self.make_executor() as executor:
            blocks = [python(f"for _ in range(1000): print('{name}')") for name in "abc"]
            results = await asyncio.gather(*(run(executor, block) for block in blocks))
        assert [result.output for result in results] == [f"{name}\n" * 1000 for name in "abc"]

    async def test_an_executor_starts_by_itself(self) -> None:
        executor = self.make_executor()
        try:
            assert (await run(executor, python("print(1)"))).output == "1\n"
        finally:
            await executor.stop()

    async def test_starting_and_stopping_twice_is_harmless(self) -> None:
        executor = self.make_executor()
        await executor.start()
        await executor.start()
        await executor.stop()
        await executor.stop()

    async def test_a_stopped_executor_can_be_started_again(self) -> None:
        executor = self.make_executor()
        async with executor:
            await run(executor, python("print(1)"))
        async with executor:
            assert (await run(executor, python("print(2)"))).output == "2\n"

    async def test_a_restarted_executor_runs_blocks(self) -> None:
        async with self.make_executor() as executor:
            await run(executor, python("print(1)"))
            await executor.restart()
            assert (await run(executor, python("print(2)"))).output == "2\n"

    async def test_the_stream_tells_of_each_block_and_ends_with_the_result(self) -> None:
        blocks = [python("print(1)"), python("print(2)")]
        async with self.make_executor() as executor, aclosing(executor.stream(blocks)) as stream:
            events = [event async for event in stream]
        starts = [event.index for event in events if isinstance(event, BlockStarted)]
        ends = [event.result.output for event in events if isinstance(event, BlockFinished)]
        assert (starts, ends) == ([0, 1], ["1\n", "2\n"])
        assert isinstance(events[-1], CodeResult)
        assert events[-1].output == "1\n2\n"

    async def test_a_result_is_confined_by_something_unless_the_executor_says_it_is_not(
        self,
    ) -> None:
        async with self.make_executor() as executor:
            result = await run(executor, python("pass"))
        assert bool(result.isolation) == executor.confined

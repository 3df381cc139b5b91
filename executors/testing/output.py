"""The contract: what programs print."""

from __future__ import annotations

import resource
from contextlib import aclosing

from ...sandbox.result import OutputEvent
from .base import ContractBase, first_output, last_result, python, run

MEGABYTE = 1 << 20

FLOOD = python("""
    import os
    print("HEAD", flush=True)
    for _ in range(200):
        data = memoryview(bytes(1 << 20).replace(b"\\0", b"x"))
        while data:
            data = data[os.write(1, data):]
    print("TAIL", flush=True)
""")

WAITS_FOR_GO = python("""
    import os, time
    os.write(1, b"first\\n")
    while not os.path.exists("go"):
        time.sleep(0.01)
    os.write(2, b"second\\n")
    while not os.path.exists("go on"):
        time.sleep(0.01)
    _ = os.write(1, b"third\\n")
""")


class OutputContract(ContractBase):
    async def test_stdout_and_stderr_are_told_apart(self) -> None:
        code = "import sys; print('out'); print('err', file=sys.stderr)"
        async with self.make_executor() as executor:
            result = await run(executor, python(code))
        assert (result.stdout, result.stderr) == ("out\n", "err\n")
        # Nobody can tell how writes to two pipes lay in time, but nothing may get lost.
        assert sorted(result.output) == sorted("out\nerr\n")

    async def test_output_arrives_while_the_program_runs_and_stays_in_order(self) -> None:
        async with (
            self.make_executor() as executor,
            aclosing(executor.stream([WAITS_FOR_GO])) as events,
        ):
            assert await first_output(events) == "first\n"
            await executor.write_file("go", b"")
            assert await first_output(events) == "second\n"
            await executor.write_file("go on", b"")
            result = await last_result(events)
        assert result.output == "first\nsecond\nthird\n"
        assert (result.stdout, result.stderr) == ("first\nthird\n", "second\n")

    async def test_what_is_streamed_is_what_the_result_has(self) -> None:
        code = "import sys\nfor i in range(500): print(i); print(-i, file=sys.stderr)"
        async with (
            self.make_executor() as executor,
            aclosing(executor.stream([python(code)])) as stream,
        ):
            events = [event async for event in stream]
        texts = [event for event in events if isinstance(event, OutputEvent)]
        result = events[-1]
        assert "".join(text.text for text in texts) == getattr(result, "output", None)
        out = "".join(text.text for text in texts if text.stream == "stdout")
        assert out == getattr(result, "stdout", None)

    async def test_nul_and_bytes_that_are_not_utf_8_survive(self) -> None:
        code = r"import os; _ = os.write(1, b'a\0b\xff\xfec\n')"
        async with self.make_executor() as executor:
            result = await run(executor, python(code))
        assert (result.exit_code, result.output) == (0, "a\0b\ufffd\ufffdc\n")

    async def test_a_character_printed_in_two_halves_is_one(self) -> None:
        code = r"import os; os.write(1, b'\xe6'); _ = os.write(1, b'\x9d\xb1')"
        async with self.make_executor() as executor:
            assert (await run(executor, python(code))).output == "東"

    async def test_a_flood_of_200_megabytes_is_cut_in_the_middle(self) -> None:
        async with self.make_executor(timeout=self.safety_net) as executor:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            result = await run(executor, FLOOD)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert result.exit_code == 0
        assert result.truncated
        assert result.output.startswith("HEAD\n")
        assert result.output.endswith("TAIL\n")
        assert len(result.output) < 20 * MEGABYTE
        assert grown * 1024 < 100 * MEGABYTE

    async def test_the_head_and_the_tail_of_a_flood_are_streamed(self) -> None:
        async with (
            self.make_executor(timeout=self.safety_net) as executor,
            aclosing(executor.stream([FLOOD])) as events,
        ):
            told = [event.text async for event in events if isinstance(event, OutputEvent)]
        text = "".join(told)
        assert text.startswith("HEAD\n")
        assert text.endswith("TAIL\n")
        assert "characters dropped" in text
        assert len(text) < 20 * MEGABYTE

    async def test_a_flood_does_not_hold_up_the_time_limit(self) -> None:
        endless = python("import os\nwhile True: os.write(1, b'x' * 65536)")
        async with self.make_executor(timeout=self.short) as executor:
            result = await run(executor, endless)
        assert result.timed_out
        assert result.truncated

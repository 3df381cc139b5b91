"""A session of bash keeps its directory, variables and functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing

import pytest

from sandcrew.sandbox import CellResult, OutputEvent, Policy, Sandbox, Session, UsageError

Live = Callable[..., AbstractAsyncContextManager[Session]]


async def test_directory_variables_and_functions_stay(policy: Policy, live: Live) -> None:
    async with live(policy, language="bash") as session:
        result = await session.run("mkdir d; cd d; x='a b'; export Y=1; f() { echo \"f:$1\"; }")
        assert (result.exit_code, result.output, result.value) == (0, "", None)
        result = await session.run('basename "$PWD"; echo "$x"; f z; bash -c \'echo "$Y"\'')
        assert result.output == "d\na b\nf:z\n1\n"


@pytest.mark.parametrize(
    ("code", "exit_code", "output"),
    [
        ("echo out; echo err >&2", 0, "out\nerr\n"),
        ("false", 1, ""),
        ("(exit 42)", 42, ""),
        ("cat <<EOF\na $((1 + 1))\nEOF", 0, "a 2\n"),
        ("cat <<'EOF'\n$x\nEOF\n", 0, "$x\n"),
        ('read x; echo "got $?"', 0, "got 1\n"),
        ("cat", 0, ""),
        ("echo 'it''s' \"!x\" '\\n' # a comment", 0, "its !x \\n\n"),
        ("for i in 1 2; do\n  echo $i\ndone", 0, "1\n2\n"),
        ("nosuchcommand", 127, "nosuchcommand: command not found\n"),
        ("return 3", 3, ""),
        ("", 0, ""),
        ("printf 'no newline'", 0, "no newline"),
        ("sleep 0.05 & wait; echo $?", 0, "0\n"),
        ("echo $- | grep -c m", 1, "0\n"),
        ("sh -c 'kill -9 $$'", 137, ""),
    ],
)
async def test_a_cell_of_bash_does_what_a_script_does(
    code: str, exit_code: int, output: str, live: Live
) -> None:
    async with live(language="bash") as session:
        result = await session.run(code)
        assert (await session.run("echo next")).output == "next\n"
    assert result.exit_code == exit_code
    assert result.output.endswith(output), result.output
    assert output or not result.output or "Killed" in result.output
    assert not result.state_lost


async def test_a_syntax_error_names_its_line_and_keeps_the_state(live: Live) -> None:
    async with live(language="bash") as session:
        await session.run("x=1")
        result = await session.run("echo before\nif true; then\n")
        assert result.exit_code != 0
        assert "syntax error" in result.stderr
        assert (await session.run("echo $x")).output == "1\n"


async def test_an_interrupt_ends_a_loop_and_what_runs_in_it_and_keeps_the_state(
    policy: Policy, live: Live
) -> None:
    for loop in ("while true; do sleep 60; done", "while :; do :; done", "sleep 3600"):
        async with live(policy, language="bash") as session:
            await session.run("x=1")
            result: object = None
            interrupted = False
            async with aclosing(session.stream(f"echo running; {loop}")) as events:
                async for result in events:
                    if isinstance(result, OutputEvent) and not interrupted:
                        await asyncio.sleep(0.1)  # now it may have come to the loop
                        session.interrupt()
                        interrupted = True
            assert isinstance(result, CellResult)
            assert (result.exit_code, result.state_lost) == (130, False)
            session.interrupt()
            assert (await session.run("echo $x")).output == "1\n"


async def test_the_time_limit_interrupts_and_one_that_ignores_it_is_killed(live: Live) -> None:
    async with live(language="bash", timeout=0.3) as session:
        await session.run("x=1", timeout=20)
        result = await session.run("sleep 60")
        assert (result.exit_code, result.timed_out, result.state_lost) == (124, True, False)
        assert (await session.run("echo $x", timeout=20)).output == "1\n"
        result = await session.run("trap '' INT; while :; do :; done")
        assert (result.exit_code, result.timed_out, result.state_lost) == (124, True, True)
        assert (await session.run("echo x$x", timeout=20)).output == "x\n"


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("exit 3", 3),
        ("set -e\nfalse\necho never", 1),
        ("exec sh -c 'exit 4'", 4),
        ("kill -9 $$", 137),
    ],
)
async def test_what_ends_the_shell_gives_its_exit_code_and_the_next_cell_a_new_one(
    code: str, exit_code: int, policy: Policy, live: Live
) -> None:
    async with live(policy, language="bash") as session:
        await session.run("x=1")
        result = await session.run(f"echo before\n{code}")
        assert (result.exit_code, result.output, result.state_lost) == (exit_code, "before\n", True)
        assert (await session.run("echo x$x")).output == "x\n"


async def test_jobs_in_the_background_live_on_and_print_into_the_next_cell(live: Live) -> None:
    code = "(while [ ! -e go ]; do sleep 0.01; done; echo late; touch done) &"
    async with live(language="bash") as session:
        assert (await session.run(code)).stdout == ""
        result = await session.run("touch go; while [ ! -e done ]; do sleep 0.01; done; jobs")
        assert result.stdout.startswith("late\n")


async def test_the_pipes_by_which_the_shell_is_ordered_are_out_of_reach(live: Live) -> None:
    async with live(language="bash", timeout=5) as session:
        result = await session.run("echo 77 >&8; ls /proc/self/fd")
        assert "8" not in result.stdout.split()
        assert (await session.run("echo fine")).output == "fine\n"


async def test_cells_leave_no_files(live: Live) -> None:
    async with live(language="bash") as session:
        for _ in range(10):
            await session.run("x=1")
        assert (await session.run("ls /tmp | grep -c cell")).output == "1\n"  # its own


async def test_bash_takes_no_values(policy: Policy) -> None:
    async with Sandbox(policy) as box, box.session(language="bash") as session:
        with pytest.raises(UsageError, match="Only cells of python"):
            await session.run("echo", inputs={"x": 1})
        with pytest.raises(UsageError, match="Only cells of python"):
            await session.run("echo", memory="10MiB")


@pytest.mark.parametrize(
    "trick",
    [
        "exec >&-",
        "exec 2>&-",
        "exec >&- 2>&-",
        "exec 61>&- 62>&- >&-",
        "exec <&-",
    ],
)
async def test_a_cell_that_closes_its_streams_breaks_no_later_one(
    trick: str, policy: Policy, live: Live
) -> None:
    async with live(policy, language="bash") as session:
        await session.run(f"x=5; {trick}")
        result = await session.run("echo $x; echo why >&2; exit_with() { return 4; }; exit_with")
        assert (result.exit_code, result.stdout, result.stderr) == (4, "5\n", "why\n")


async def test_a_cell_may_send_what_later_ones_print_elsewhere(policy: Policy, live: Live) -> None:
    async with live(policy, language="bash") as session:
        await session.run("exec > log")
        assert (await session.run("echo kept")).output == ""
        assert (await session.run("cat log >&2")).output == "kept\n"


async def test_programs_of_a_cell_do_not_get_what_the_shell_keeps(
    policy: Policy, live: Live
) -> None:
    async with live(policy, language="bash") as session:
        code = "for fd in 8 9 60 61 62; do { : 50>&$fd; } 2>/dev/null && echo $fd; done; true"
        assert (await session.run(code)).output == ""

"""Pseudoterminals of a guest's own: there on request, and no way to those of anybody else."""

from __future__ import annotations

import os
import pty

import pytest

from sandcrew.benchmarks.isolation import ExecutorSubject, choose, run_suite
from sandcrew.sandbox import Policy, PolicyError, Sandbox, UsageError

OPEN = "import fcntl, os, pty, struct, termios\nmaster, slave = pty.openpty()\n"
DIALOGUE = """
if os.fork() == 0:
    os.login_tty(slave)
    os.execvp("sh", ["sh", "-c", "tty; read line; echo you said $line"])
os.close(slave)
os.write(master, b"hello\\n")
try:
    while True: print(os.read(master, 1000).decode().replace("\\r", ""), end="")
except OSError: pass
"""


async def test_there_are_none_unless_the_policy_says_so() -> None:
    async with Sandbox() as box:
        assert "out of pty devices" in (await box.run(OPEN)).stderr


async def test_a_program_leads_a_dialogue_with_another() -> None:
    async with Sandbox(Policy(terminals=2)) as box:
        result = await box.run(OPEN + DIALOGUE)
    assert (result.exit_code, result.stderr) == (0, "")
    assert set(result.output.splitlines()) == {"hello", "/dev/pts/0", "you said hello"}


async def test_terminals_of_the_host_and_of_other_guests_are_not_there() -> None:
    master, slave = pty.openpty()
    look = "print(os.ttyname(slave), sorted(os.listdir('/dev/pts')))"
    try:
        async with Sandbox(Policy(terminals=2)) as box, box.session() as one:
            seen = [(await session.run(OPEN + look)).output for session in (one, one)]
            async with box.session() as other:
                seen.append((await other.run(OPEN + look)).output)
    finally:
        os.close(master)
        os.close(slave)
    first, second = "/dev/pts/0 ['0', 'ptmx']\n", "/dev/pts/1 ['0', '1', 'ptmx']\n"
    assert seen == [first, second, first]


async def test_there_are_as_many_as_the_policy_says() -> None:
    code = (
        "import pty\npairs = []\nfor n in range(3):\n    pairs.append(pty.openpty())\n    print(n)"
    )
    async with Sandbox(Policy(terminals=2)) as box:
        results = [await box.run(code) for _ in range(2)]
    assert [result.stdout for result in results] == ["0\n1\n"] * 2
    assert "out of pty devices" in results[0].stderr


@pytest.mark.parametrize(
    ("request_", "argument"),
    [("0x5412", "b'x'"), ("0x541C", "b'x'"), ("0x541D", "0"), ("0x5423", "struct.pack('i', 0)")],
    ids=["TIOCSTI", "TIOCLINUX", "TIOCCONS", "TIOCSETD"],
)
async def test_a_terminal_takes_no_request_that_reaches_further(
    request_: str, argument: str
) -> None:
    code = OPEN + (
        "print(len(fcntl.ioctl(slave, termios.TIOCGWINSZ, bytes(8))))\n"
        f"fcntl.ioctl(slave, {request_}, {argument})"
    )
    async with Sandbox(Policy(terminals=1)) as box:
        result = await box.run(code)
    assert result.stdout == "8\n"
    assert "PermissionError: [Errno 1]" in result.stderr


async def test_an_open_terminal_is_not_passed_on_to_a_branch_which_has_none() -> None:
    async with Sandbox(Policy(terminals=2)) as box, box.session() as session:
        await session.run(OPEN)
        with pytest.raises(UsageError, match=r"/dev/(pts/)?ptmx"):
            await session.branch().start()
        await session.run("os.close(master); os.close(slave)")
        async with session.branch() as branch:
            assert "out of pty devices" in (await branch.run("pty.openpty()")).stderr
        assert (await session.run("pty.openpty()")).exit_code == 0


async def test_the_profile_without_mounts_of_its_own_has_none() -> None:
    with pytest.raises(PolicyError, match="terminals"):
        await Sandbox(Policy(terminals=1, profile="landlock")).start()


async def test_what_attacks_a_terminal_holds_where_there_is_one() -> None:
    subject = ExecutorSubject("sandbox", {"terminals": 8})
    table = await run_suite([subject], choose(["D28", "D17", "D44", "C05"]))
    assert table.breaches() == []
    assert "error" not in table.totals("sandbox")

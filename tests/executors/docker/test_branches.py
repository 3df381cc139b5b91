"""Branches in a container, which has no namespaces to give: Landlock keeps them apart."""

from __future__ import annotations

import asyncio

import pytest

from sandcrew.executors.docker.images import tag_of
from sandcrew.executors.docker.launcher import ContainerLauncher
from sandcrew.executors.docker.options import ContainerOptions
from sandcrew.sandbox import Policy, Sandbox, UsageError

from ...sandbox.branch_attacks import ATTACKS, CHANGES_MODES, from_a_branch

LAUNCH = ContainerLauncher(ContainerOptions(image=tag_of("base")))


async def test_a_branch_goes_on_from_the_state_of_its_parent_in_files_of_its_own() -> None:
    async with Sandbox(launch=LAUNCH) as box, box.session() as session:
        await session.run("x = [1]; open('f', 'w').write('parent')")
        async with session.branches(2) as (one, other):
            await one.run("x.append(2); open('f', 'w').write('one')")
            see = "x, open('f').read()"
            assert (await one.run(see)).value == [[1, 2], "one"]
            assert (await other.run(see)).value == [[1], "parent"]
            assert await one.read_file("f") == b"one"
        assert (await session.run(see)).value == [[1], "parent"]


async def test_a_branch_ends_with_its_processes_and_leaves_its_parent() -> None:
    start = "import subprocess; p = subprocess.Popen(['sleep', '600'], start_new_session=True)"
    count = (
        "import os\n"
        "sum(open(f'/proc/{p}/comm').read() == 'sleep\\n' for p in os.listdir('/proc') "
        "if p.isdigit())"
    )
    async with Sandbox(launch=LAUNCH) as box, box.session() as session:
        await session.run(start)
        async with session.branch() as branch:
            await branch.run(start)
            assert (await session.run(count)).value == 2
            crash = await branch.run("import os; os._exit(7)")
            assert (crash.exit_code, crash.state_lost) == (7, True)
        assert (await session.run(count)).value == 1


async def test_a_branch_outlives_its_parent() -> None:
    async with Sandbox(launch=LAUNCH) as box:
        session = box.session()
        await session.run("x = 7")
        async with session.branch() as branch:
            await session.close()
            assert (await branch.run("x")).value == 7


async def test_a_branch_of_a_branch_is_refused() -> None:
    async with (
        Sandbox(launch=LAUNCH) as box,
        box.session() as session,
        session.branch() as branch,
    ):
        with pytest.raises(UsageError, match="Branch its session"):
            await branch.branch().start()


async def test_a_branch_has_a_way_out_and_a_receipt_of_its_own() -> None:
    code = """
import urllib.request
try: urllib.request.urlopen("http://refused.example/")
except Exception as error: print(error)
"""
    policy = Policy(network=["allowed.example:80"])
    async with Sandbox(policy, launch=LAUNCH) as box, box.session() as session:
        await session.run("x = 1")
        async with session.branch() as branch:
            result = await branch.run(code)
            assert [denial.subject for denial in result.denials] == ["refused.example:80"]
        assert (await session.run("x")).denials == ()


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_branch_does_not_reach_its_parent(attack: str) -> None:
    """That each would work is seen in tests/sandbox/test_branch_without_namespaces.py."""
    async with Sandbox(launch=LAUNCH) as box:
        printed, before, after = await from_a_branch(ATTACKS[attack], box)
    assert "REACHED" not in printed
    assert "refused" in printed
    assert before == after


async def test_a_branch_changes_no_modes_and_times_of_its_parents_files() -> None:
    async with Sandbox(launch=LAUNCH) as box:
        _, before, after = await from_a_branch(CHANGES_MODES, box)
    assert before == after


SERVE = """
import socket, subprocess, sys
server = '''
import select, socket
abstract, path, tcp, udp = (
    socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX), socket.socket(),
    socket.socket(type=socket.SOCK_DGRAM))
abstract.bind("\\\\0of-the-parent"); path.bind("of-the-parent")
tcp.bind(("127.0.0.1", 4001)); udp.bind(("127.0.0.1", 4002))
for sock in (abstract, path, tcp): sock.listen()
print("ready", flush=True)
while True:
    for sock in select.select([abstract, path, tcp, udp], [], [])[0]:
        if sock is udp: open("heard", "a").write("udp ")
        else: sock.accept()[0].send(b"hello"); open("heard", "a").write("stream ")
'''
process = subprocess.Popen([sys.executable, "-c", server], stdout=subprocess.PIPE)
process.stdout.readline(); process.stdout.close()
open("heard", "w").close()
import os; folder = os.getcwd()
"""
CALL = """
import socket
def stream(family, address):
    with socket.socket(family) as sock:
        sock.connect(address)
        return sock.recv(5)
def datagram():
    with socket.socket(type=socket.SOCK_DGRAM) as sock: sock.sendto(b"x", ("127.0.0.1", 4002))
    return "sent"
for call in (
    lambda: stream(socket.AF_UNIX, "\\0of-the-parent"),
    lambda: stream(socket.AF_UNIX, folder + "/of-the-parent"),
    lambda: stream(socket.AF_INET, ("127.0.0.1", 4001)),
    datagram,
):
    try: print("REACHED", call())
    except OSError as error: print("refused:", error)
"""


@pytest.mark.parametrize("network", ["none", ["allowed.example"]])
async def test_a_branch_does_not_reach_servers_of_its_parent(network: str | list[str]) -> None:
    async with Sandbox(Policy(network=network), launch=LAUNCH) as box, box.session() as session:
        made = await session.run(SERVE)
        assert made.exit_code == 0, made.output
        async with session.branch() as branch:
            printed = (await branch.run(CALL)).output
            assert printed.count("refused:") == 4, printed
        assert await session.read_file("heard") == b""
        printed = (await session.run(CALL)).output  # the positive control
        assert printed.count("REACHED") == 4, printed


async def test_what_a_branch_exhausts_its_parent_has_again_when_it_is_closed() -> None:
    """In a container all share its memory and its processes."""
    async with Sandbox(Policy(processes=32), launch=LAUNCH) as box, box.session() as session:
        await session.run("import subprocess")
        async with session.branch() as branch:
            greedy = "import os\ntry:\n  while os.fork(): pass\n"
            greedy += "  __import__('time').sleep(600)\nexcept OSError as error: print(error)"
            assert "unavailable" in (await branch.run(greedy)).output
            assert (await session.run("6 * 7")).value == 42
        await asyncio.sleep(0)
        assert (await session.run("subprocess.run(['true']).returncode")).value == 0

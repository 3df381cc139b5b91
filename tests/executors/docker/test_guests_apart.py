"""Runs and sessions of one container against each other: the workspace is theirs in common."""

from __future__ import annotations

import asyncio

import pytest

from sandcrew.executors.docker.images import tag_of
from sandcrew.executors.docker.launcher import ContainerLauncher
from sandcrew.executors.docker.options import ContainerOptions
from sandcrew.sandbox import Sandbox

from ...sandbox.branch_attacks import ATTACKS, PRELUDE, TRY

LAUNCH = ContainerLauncher(ContainerOptions(image=tag_of("base")))
IN_COMMON = (
    "shares memory by name",
    "listens where others find it",
    "counts its descriptors",
    "lists its files",
)
"""Guests of a container have its /tmp, /dev/shm, loopback and /proc together, and names of files:
who may list the root folder may list all below it, and programs expect to."""


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name not in IN_COMMON])
async def test_a_run_does_not_reach_a_session(attack: str) -> None:
    """That each would work is seen in tests/sandbox/test_branch_without_namespaces.py."""
    async with Sandbox(launch=LAUNCH) as box, box.session() as session:
        made = await session.run(PRELUDE + "(pid, address, size, temporary)")
        pid, address, size, temporary = made.value
        known = f"pid, address, size = {pid, address, size}\nfolder = temporary = {temporary!r}\n"
        code = f"import ctypes, os, signal\nlibc = ctypes.CDLL(None)\n{known}{TRY}{ATTACKS[attack]}"
        printed = (await box.run(code)).output
        assert "REACHED" not in printed
        assert "refused" in printed
        kept = "sorted(os.listdir(temporary)), open(temporary + '/kept').read()"
        assert (await session.run(kept)).value == [["kept", "kept.d"], "of the victim"]


async def test_a_session_does_not_reach_names_that_another_one_listens_on() -> None:
    listen = """
import socket
sock = socket.socket(socket.AF_UNIX)
sock.bind("\\0of-a-session"); sock.listen()
"""
    call = """
import socket
try: socket.socket(socket.AF_UNIX).connect("\\0of-a-session"); print("REACHED")
except OSError as error: print("refused:", error)
"""
    async with (
        Sandbox(launch=LAUNCH) as box,
        box.session() as session,
        box.session() as other,
    ):
        await session.run(listen)
        assert "refused" in (await other.run(call)).output
        assert (await session.run(call)).output == "REACHED\n"  # the positive control


async def test_a_program_that_kills_all_it_can_reach_kills_only_itself() -> None:
    async with Sandbox(launch=LAUNCH) as box, box.session() as session:
        await session.run("import subprocess; x = 1; p = subprocess.Popen(['sleep', '60'])")
        other = asyncio.create_task(box.run("import time\ntime.sleep(1)\nprint('alive')"))
        for _ in range(3):
            await box.run("import os, signal\nos.kill(-1, signal.SIGKILL)")
        assert (await other).output == "alive\n"
        assert (await session.run("x, p.poll()")).value == [1, None]


async def test_programs_see_the_files_of_their_image() -> None:
    code = "import os\nprint('usr' in os.listdir('/'), open('/etc/passwd').read(4))"
    async with Sandbox(launch=LAUNCH) as box:
        assert (await box.run(code)).output == "True root\n"

"""Runs an installer as a process of this host, which writes in its own folder and its cache only.

What keeps the code of packages out of it is that only wheels are installed. It has the network of
the host: where an index keeps its files is in its pages, and no setting of pip or uv tells.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable

    from .options import BuildCommand

_SUPERVISOR = str(Path(__file__).parent / "supervisor.py")
_DEATH = 10.0
_LONGEST_LINE = 4096


async def run_on_host(command: BuildCommand) -> int:
    """Run ``command`` to its end; its processes do not outlive this call or this process."""
    starting = asyncio.create_task(_start(command))
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:  # asyncio would kill the supervisor, but not its child
        await _end(await starting)
        raise
    try:
        await _read_lines(process, command.report)
        return await process.wait()
    finally:
        await asyncio.shield(_end(process))


async def _start(command: BuildCommand) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", _SUPERVISOR, *map(str, command.writable), "--"),
        *command.argv,
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        env=dict(command.env),
        cwd="/",  # uv looks for settings in the working directory and above it
        start_new_session=True,
    )


async def _read_lines(process: Process, report: Callable[[str], None]) -> None:
    assert process.stdout is not None
    rest = b""
    while chunk := await process.stdout.read(1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            report(line[:_LONGEST_LINE].decode("utf-8", "replace").rstrip())
        rest = rest[:_LONGEST_LINE]
    if rest:
        report(rest.decode("utf-8", "replace").rstrip())


async def _end(process: Process) -> None:
    """Close the supervisor's pipe, at which it kills its group, and wait for that."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(_DEATH):
            while await process.stdout.read(1 << 16):
                pass
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()

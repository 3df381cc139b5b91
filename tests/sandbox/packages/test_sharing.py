"""Many who want one set of packages: one builds, the others wait; whoever is killed lets go."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from sandcrew.sandbox.packages import (
    BuildCommand,
    BuildOptions,
    PackageBuildFailed,
    PackageCache,
    package_environment,
)

from .index import Index, wheel

if TYPE_CHECKING:
    from sandcrew.sandbox.interpreter import Interpreter

BUILDER = textwrap.dedent("""
    import asyncio, json, sys
    from pathlib import Path
    from sandcrew.sandbox.interpreter import find_interpreter
    from sandcrew.sandbox.packages import BuildOptions, PackageCache, package_environment

    def say(line): print(line, flush=True)

    cache, environ = PackageCache(Path(sys.argv[1])), json.loads(sys.argv[2])
    options = BuildOptions(installer="pip", environ=environ, progress=say)
    python = find_interpreter(None)
    say(asyncio.run(package_environment(["alpha"], python, cache=cache, options=options)))
""")


async def builder(cache: PackageCache, index: Index) -> Process:
    """Another process that wants ``alpha``."""
    arguments = (str(cache.folder), json.dumps(index.environ()))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", BUILDER, *arguments, stdout=PIPE
    )


async def until_it_says(process: Process, word: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while word not in (line := (await process.stdout.readline()).decode()):
            assert line, f"the builder ended before it said {word!r}"


async def test_processes_that_want_one_set_share_one_build(
    index: Index, cache: PackageCache
) -> None:
    index.add(wheel("alpha"))
    index.opened.clear()
    first = await builder(cache, index)
    assert await asyncio.to_thread(index.reached.wait, 30)
    others = [await builder(cache, index) for _ in range(3)]
    for other in others:
        await until_it_says(other, "Waiting")
    index.opened.set()
    outputs = [(await process.communicate())[0].split() for process in [first, *others]]
    (environment,) = cache.list()
    assert {output[-1].decode() for output in outputs} == {str(environment.path)}
    assert index.downloads("alpha") == 1


async def test_tasks_that_want_one_set_share_one_build_and_the_loop_goes_on(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    index.add(wheel("alpha"))
    index.opened.clear()
    waiting: list[str] = []
    everybody_waits = asyncio.Event()

    def progress(line: str) -> None:
        if line.startswith("Waiting"):
            waiting.append(line)
        if len(waiting) == 4:
            everybody_waits.set()

    options = BuildOptions(installer="pip", environ=index.environ(), progress=progress)
    tasks = [
        asyncio.create_task(package_environment(["alpha"], python, cache=cache, options=options))
        for _ in range(5)
    ]
    async with asyncio.timeout(30):
        await everybody_waits.wait()
    index.opened.set()
    assert len(set(await asyncio.gather(*tasks))) == 1
    assert index.downloads("alpha") == 1


async def test_a_waiter_can_be_cancelled_and_does_not_disturb_the_builder(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    index.add(wheel("alpha"))
    index.opened.clear()
    first = await builder(cache, index)
    assert await asyncio.to_thread(index.reached.wait, 30)
    waits = asyncio.Event()
    options = BuildOptions(environ=index.environ(), progress=lambda _: waits.set())
    waiter = asyncio.create_task(
        package_environment(["alpha"], python, cache=cache, options=options)
    )
    async with asyncio.timeout(30):
        await waits.wait()
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    index.opened.set()
    output, _ = await first.communicate()
    assert Path(output.split()[-1].decode()).is_dir()


async def test_a_killed_builder_lets_go_and_its_installer_and_folder_go_too(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    index.add(wheel("alpha"))
    index.opened.clear()
    first = await builder(cache, index)
    assert await asyncio.to_thread(index.reached.wait, 30)
    installers = psutil.Process(first.pid).children(recursive=True)
    assert installers
    first.kill()
    await first.communicate()
    _, alive = await asyncio.to_thread(psutil.wait_procs, installers, 30)
    assert alive == []
    assert list(cache.folder.glob("new-*"))
    index.opened.set()
    options = BuildOptions(installer="pip", environ=index.environ())
    path = await package_environment(["alpha"], python, cache=cache, options=options)
    assert [entry.name for entry in cache.folder.iterdir()] == [path.parent.name]


async def test_a_waiter_whose_builder_was_killed_builds_itself(
    index: Index, cache: PackageCache
) -> None:
    index.add(wheel("alpha"))
    index.opened.clear()
    first = await builder(cache, index)
    assert await asyncio.to_thread(index.reached.wait, 30)
    second = await builder(cache, index)
    await until_it_says(second, "Waiting")
    first.kill()
    index.opened.set()
    output, _ = await second.communicate()
    assert Path(output.split()[-1].decode()).is_dir()
    await first.communicate()


async def test_a_waiter_whose_builder_failed_tries_itself(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    index.add(wheel("alpha"))
    builds, fail = asyncio.Event(), asyncio.Event()

    async def fails(_: BuildCommand) -> int:
        builds.set()
        await fail.wait()
        return 1

    options = BuildOptions(installer="pip", environ=index.environ(), run_confined=fails)
    first = asyncio.create_task(
        package_environment(["alpha"], python, cache=cache, options=options)
    )
    async with asyncio.timeout(30):
        await builds.wait()
    second = await builder(cache, index)
    await until_it_says(second, "Waiting")
    fail.set()
    with pytest.raises(PackageBuildFailed):
        await first
    output, _ = await second.communicate()
    assert Path(output.split()[-1].decode()).is_dir()


async def test_the_reaper_leaves_a_living_builder_alone(index: Index, cache: PackageCache) -> None:
    index.add(wheel("alpha"))
    index.opened.clear()
    first = await builder(cache, index)
    assert await asyncio.to_thread(index.reached.wait, 30)
    assert cache.reap() == 0
    index.opened.set()
    await first.communicate()
    assert first.returncode == 0

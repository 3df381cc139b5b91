"""Builds one environment: install, seal, write down what it is, put it in its place."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import PackageBuildFailed
from .folder import delete_tree, find_irregular, seal_tree
from .installer import cache_of, choose_installer, installer_environment
from .log import InstallerLog
from .manifest import SITE, read_environment, write_manifest
from .options import BuildCommand
from .runner import run_on_host

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cache import PackageCache
    from .manifest import Environment
    from .options import BuildOptions


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be built, and for which interpreter."""

    key: str
    requirements: tuple[str, ...]
    python: Path
    target: dict[str, str]


async def build(plan: Plan, cache: PackageCache, options: BuildOptions) -> Environment:
    """Build ``plan`` in ``cache``; the caller holds the lock of its key.

    Raises
    ------
    PackageBuildFailed
        It cannot be had; nothing of the attempt is left.
    """
    try:
        folder = cache.new_folder(plan.key)
        try:
            installer = await _install(plan, folder, options)
            await _in_thread(lambda: _finish(plan, folder, installer))
            cache.discard_corrupt(plan.key)
            return _read(plan, folder.rename(folder.parent / plan.key))
        finally:
            if folder.exists():
                await asyncio.shield(asyncio.to_thread(delete_tree, folder))
    except OSError as error:
        raise PackageBuildFailed(plan.requirements, why=f"this host says: {error}") from error


async def _install(plan: Plan, folder: Path, options: BuildOptions) -> str:
    """Run an installer into ``folder``; which one it was."""
    environ = options.environ if options.environ is not None else os.environ
    env = installer_environment(environ, folder / "tmp")
    installer = await choose_installer(plan.python, options, env)
    argv = installer.command(plan.requirements, plan.python, folder / SITE, source=options.source)
    log = InstallerLog(options.progress)
    limit = asyncio.timeout(options.timeout)
    try:
        async with limit:
            cache = await cache_of(installer, env)
            command = BuildCommand(argv, env, folder, log.add, cache)
            status = await (options.run_confined or run_on_host)(command)
    except TimeoutError:
        if not limit.expired():
            raise
        why = f"the build took longer than {options.timeout:g} s and was stopped."
        raise PackageBuildFailed(plan.requirements, why=why, output=log.text) from None
    if status != 0:
        raise PackageBuildFailed(plan.requirements, why=log.why(status), output=log.text)
    return installer.version


def _finish(plan: Plan, folder: Path, installer: str) -> None:
    site = folder / SITE
    irregular = find_irregular(site)
    if irregular is not None:
        why = f"{irregular.relative_to(folder)} is neither a folder nor a file of its own."
        raise PackageBuildFailed(plan.requirements, why=why)
    shutil.rmtree(folder / "tmp")
    (site / ".lock").unlink(missing_ok=True)  # uv's
    _point_scripts_at(Path(plan.target["executable"]), plan.python, site / "bin")
    packages = {found.metadata["Name"]: found.version for found in distributions(path=[str(site)])}
    size, files = seal_tree(site)
    known: dict[str, Any] = {
        "key": plan.key,
        "requirements": plan.requirements,
        "packages": packages,
        "interpreter": plan.target,
        "installer": installer,
        "built": time.time(),
        "size": size,
        "files": files,
    }
    write_manifest(folder, known)
    folder.chmod(0o555)


def _point_scripts_at(real: Path, python: Path, folder: Path) -> None:
    """Let scripts start the real interpreter: the virtual environment may be another's, later."""
    wanted = f"#!{python}\n".encode()
    for script in folder.iterdir() if folder.is_dir() else ():
        if script.is_file():
            content = script.read_bytes()
            if content.startswith(wanted):
                script.write_bytes(f"#!{real}\n".encode() + content[len(wanted) :])


def _read(plan: Plan, folder: Path) -> Environment:
    environment = read_environment(folder)
    if environment is None:
        raise PackageBuildFailed(plan.requirements, why="the finished folder cannot be read.")
    return environment


async def _in_thread(work: Callable[[], None]) -> None:
    """Do ``work`` in a thread; when cancelled, wait until it is over: it changes the folder."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise

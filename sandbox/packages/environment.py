"""One environment for each set of packages, built when it is first asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from . import locks
from .build import Plan, build
from .cache import PackageCache
from .options import BuildOptions
from .requirements import canonical_requirements
from .target import describe, environment_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..interpreter import Interpreter
    from .cache import Lease
    from .manifest import Environment


async def package_environment(
    requirements: Sequence[str],
    interpreter: Interpreter,
    *,
    cache: PackageCache | None = None,
    options: BuildOptions | None = None,
) -> Path:
    """A read-only folder with ``requirements`` in it, to be put on ``sys.path``.

    It is built if this set was never built for this interpreter. Whoever asks meanwhile, in
    this process or another, waits for that build, and builds itself if it fails. The versions
    stay what they were at the build, until it is removed from the cache.

    Raises
    ------
    PolicyError
        A requirement is not a name with versions.
    BackendUnavailable
        The cache is not safe, or there is no installer.
    PackageBuildFailed
        The packages cannot be had; it says why.
    """
    return (await _ensure(requirements, interpreter, cache, options)).path


async def lease_packages(
    requirements: Sequence[str],
    interpreter: Interpreter,
    *,
    cache: PackageCache | None = None,
    options: BuildOptions | None = None,
) -> Lease:
    """The same, and no ``prune`` or ``remove`` takes it away until the lease is closed."""
    cache = cache if cache is not None else PackageCache()
    while True:
        environment = await _ensure(requirements, interpreter, cache, options)
        lease = cache.lease(environment)
        if lease is not None:
            return lease
        await asyncio.sleep(0.01)  # it is being removed, which ends with a rename


async def _ensure(
    requirements: Sequence[str],
    interpreter: Interpreter,
    cache: PackageCache | None,
    options: BuildOptions | None,
) -> Environment:
    cache = cache if cache is not None else PackageCache()
    options = options if options is not None else BuildOptions()
    wanted = canonical_requirements(requirements)
    target = await describe(interpreter)
    key = environment_key(wanted, target, source=options.source)
    plan = Plan(key, wanted, interpreter.executable, target)
    return cache.find(key) or await _build_once(plan, cache, options)


async def _build_once(plan: Plan, cache: PackageCache, options: BuildOptions) -> Environment:
    await asyncio.to_thread(cache.reap)

    def tell() -> None:
        if options.progress is not None:
            options.progress("Waiting for another build of the same packages")

    path = cache.lock_path(plan.key)
    fd = await locks.lock(path, tell)
    try:
        return cache.find(plan.key) or await build(plan, cache, options)
    finally:
        locks.release(path, fd)

"""What all tests share: they may be ``async def``, and may ask for a container engine."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    signature = inspect.signature(test)
    asyncio.run(test(**{name: pyfuncitem.funcargs[name] for name in signature.parameters}))
    return True


@pytest.fixture(scope="session")
def engine_with() -> Iterator[Callable[..., Any]]:
    """Connects to a Docker engine that has these images of ours, by name: ``base``, ``data``, ...

    Without one the test is skipped; in CI, which can have one, it fails.
    """
    import docker
    from docker.errors import DockerException

    from sandcrew.images import find_recipe

    with ExitStack() as stack:

        def connect(*names: str) -> Any:
            try:
                client = stack.enter_context(closing(docker.DockerClient.from_env()))
                for name in names:
                    client.images.get(find_recipe(name).tag)
                return client
            except DockerException as error:
                if os.environ.get("CI"):
                    raise
                why = type(error).__name__
            with warnings.catch_warnings():  # its client leaves a socket open that found nobody
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()
            return pytest.skip(f"no Docker engine with our images ({why}): see .ci/engine")

        yield connect

"""A real engine with our images; without one these tests are skipped, and in CI they fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from sandcrew.executors.docker import labels
from sandcrew.executors.docker.images import tag_of
from sandcrew.sandbox import owner

docker = pytest.importorskip("docker")

BASE = tag_of("base")


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """A connection of the tests' own, to look from outside."""
    try:
        client = docker.DockerClient.from_env()
        client.images.get(BASE)
    except docker.errors.DockerException as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Docker engine with our images ({type(error).__name__}): .ci/engine")
    yield client
    mine = {"label": f"{labels.OWNER}={owner.this_process()}"}
    left = client.containers.list(all=True, filters=mine)
    client.close()
    assert not left, f"tests left containers behind: {left}"


@pytest.fixture(autouse=True)
def _needs_an_engine(request: pytest.FixtureRequest) -> None:
    if "without_engine" not in request.keywords:
        request.getfixturevalue("engine")

"""A real engine with our images; without one these tests are skipped, and in CI they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandcrew.executors.docker import labels
from sandcrew.executors.docker.images import tag_of
from sandcrew.sandbox import owner

BASE = tag_of("base")


@pytest.fixture(scope="session")
def engine(engine_with: Callable[..., Any]) -> Iterator[Any]:
    """A connection of the tests' own, to look from outside."""
    client = engine_with("base")
    yield client
    mine = {"label": f"{labels.OWNER}={owner.this_process()}"}
    left = client.containers.list(all=True, ignore_removed=True, filters=mine)
    assert not left, f"tests left containers behind: {left}"


@pytest.fixture(autouse=True)
def _needs_an_engine(request: pytest.FixtureRequest) -> None:
    if "without_engine" not in request.keywords:
        request.getfixturevalue("engine")

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandcrew.sandbox.interpreter import Interpreter, find_interpreter
from sandcrew.sandbox.packages import PackageCache

from .index import Index, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def index() -> Iterator[Index]:
    with serve() as serving:
        yield serving


@pytest.fixture
def default_index(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The index that policies with packages are served from; what is built goes with the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, value in index.environ().items():
        monkeypatch.setenv(name, value)
    yield index
    for environment in PackageCache().list():
        PackageCache().remove(environment.key)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[PackageCache]:
    cache = PackageCache(tmp_path / "packages")
    yield cache
    # pytest's own removal of tmp_path does not enter folders that are read-only.
    for environment in cache.list():
        cache.remove(environment.key)


@pytest.fixture
def python() -> Interpreter:
    return find_interpreter(None)

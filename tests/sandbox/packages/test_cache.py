"""The cache: whose folder it must be, what is removed and what is kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandcrew.sandbox import BackendUnavailable
from sandcrew.sandbox.packages import (
    BuildOptions,
    PackageCache,
    lease_packages,
    package_environment,
)

from .index import Index, wheel

if TYPE_CHECKING:
    from sandcrew.sandbox.interpreter import Interpreter


def options(index: Index) -> BuildOptions:
    return BuildOptions(installer="pip", environ=index.environ())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def fill(cache: PackageCache, index: Index, python: Interpreter, *names: str) -> list[str]:
    """Keys of one environment for each name, used in this order."""
    index.add(*map(wheel, names))
    keys: list[str] = []
    for second, name in enumerate(names):
        path = await package_environment([name], python, cache=cache, options=options(index))
        os.utime(path.parent / "in-use", (second, second))
        keys.append(path.parent.name)
    return keys


def test_the_cache_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = PackageCache(tmp_path / "a" / "b").folder
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_cache_is_where_the_xdg_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert PackageCache().folder == tmp_path / "sandcrew" / "packages"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert PackageCache().folder == tmp_path / "home" / ".cache" / "sandcrew" / "packages"


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_cache_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "packages"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(BackendUnavailable, match=rf"others may write in it \(mode {mode:04o}\)"):
        PackageCache(folder).list()


def test_a_cache_in_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    parent = tmp_path / "shared"
    parent.mkdir()
    parent.chmod(0o777)
    with pytest.raises(BackendUnavailable, match=r"others may write in .*shared"):
        PackageCache(parent / "packages").list()


def test_a_cache_that_is_a_link_or_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").touch()
    with pytest.raises(BackendUnavailable, match="symbolic link"):
        PackageCache(tmp_path / "link").list()
    with pytest.raises(BackendUnavailable, match="exists"):
        PackageCache(tmp_path / "file").list()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("given", ["packages", "."])
async def test_a_cache_of_another_user_is_refused_before_anything_is_built(
    tmp_path: Path, index: Index, python: Interpreter, given: str
) -> None:
    folder = tmp_path / "theirs" / "packages"
    folder.mkdir(parents=True, mode=0o700)
    os.chown(folder if given == "packages" else folder.parent, 12345, 12345)
    cache = PackageCache(folder)
    with pytest.raises(BackendUnavailable, match="belongs to the user with id 12345"):
        await package_environment(["alpha"], python, cache=cache, options=options(index))
    assert index.asked == []


async def test_list_begins_with_what_was_not_used_for_longest(
    cache: PackageCache, index: Index, python: Interpreter
) -> None:
    alpha, beta = await fill(cache, index, python, "alpha", "beta")
    assert [environment.key for environment in cache.list()] == [alpha, beta]
    await package_environment(["alpha"], python, cache=cache, options=options(index))
    assert [environment.key for environment in cache.list()] == [beta, alpha]


async def test_prune_removes_what_was_not_used_for_longest_until_the_rest_fits(
    cache: PackageCache, index: Index, python: Interpreter
) -> None:
    alpha, beta, gamma = await fill(cache, index, python, "alpha", "beta", "gamma")
    sizes = {environment.key: environment.size for environment in cache.list()}
    assert cache.prune(sum(sizes.values())) == ()
    assert cache.prune(sizes[gamma]) == (alpha, beta)
    assert [path.name for path in cache.folder.iterdir()] == [gamma]


async def test_what_is_leased_is_neither_removed_nor_pruned(
    cache: PackageCache, index: Index, python: Interpreter
) -> None:
    index.add(wheel("alpha"))
    with await lease_packages(["alpha"], python, cache=cache, options=options(index)) as lease:
        with await lease_packages(["alpha"], python, cache=cache, options=options(index)):
            assert cache.prune(0) == ()
        assert not cache.remove(lease.environment.key)
        assert (lease.path / "alpha").is_dir()
    lease.close()
    assert cache.remove(lease.environment.key)
    assert not lease.path.exists()


async def test_a_lease_leaves_no_descriptor(
    cache: PackageCache, index: Index, python: Interpreter
) -> None:
    index.add(wheel("alpha"))
    before = descriptors()
    (await lease_packages(["alpha"], python, cache=cache, options=options(index))).close()
    assert descriptors() == before


@pytest.mark.parametrize("key", ["", "..", "../packages", "a" * 32, "/"])
def test_removing_what_is_not_there_removes_nothing(cache: PackageCache, key: str) -> None:
    (cache.folder / "other").mkdir()
    assert not cache.remove(key)
    assert (cache.folder / "other").is_dir()


def test_the_reaper_removes_what_the_dead_left_and_nothing_else(cache: PackageCache) -> None:
    for name in ("new-" + "a" * 32 + "-" + "b" * 16, "old-" + "a" * 32 + "-" + "c" * 16, "d" * 32):
        (cache.folder / name / "site").mkdir(parents=True)
        (cache.folder / name / "site").chmod(0o555)
    (cache.folder / "something-else").mkdir()
    (cache.folder / f"{'e' * 32}.lock").touch()
    assert cache.reap() == 3
    assert [path.name for path in cache.folder.iterdir()] == ["something-else"]

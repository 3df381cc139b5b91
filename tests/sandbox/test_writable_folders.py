"""A workspace of the host of which only some folders may be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandcrew.sandbox import Policy, PolicyError, Sandbox, UsageError

if TYPE_CHECKING:
    from pathlib import Path

TRIES = """
import os
def attempt(action, *args):
    try: action(*args)
    except OSError as error: return error.strerror
    return "done"
print(attempt(open, "outputs/a", "w"))
print(attempt(open, "b", "w"))
print(attempt(open, "data.csv", "a"))
print(attempt(os.mkdir, "c"))
print(attempt(os.rename, "outputs", "other"))
print(attempt(os.link, "data.csv", "outputs/data.csv"))
print(attempt(os.rename, "outputs/a", "outputs/d"))
print(open("data.csv").read())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    (tmp_path / "outputs").mkdir()
    (tmp_path / "data.csv").write_text("a")
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


async def test_only_the_named_folder_can_be_written(folder: Path) -> None:
    async with Sandbox(Policy(workdir=folder, writable=["outputs"])) as box:
        result = await box.run(TRIES)
    refused = "Read-only file system"
    link = "Invalid cross-device link"
    assert result.output.splitlines() == [
        *("done", refused, refused, refused, refused, link, "done", "a")
    ]
    assert names(folder) == ["data.csv", "outputs", "outputs/d"]


async def test_without_it_all_of_the_workspace_can_be_written(folder: Path) -> None:
    async with Sandbox(Policy(workdir=folder)) as box:
        result = await box.run(TRIES)
    assert result.output.splitlines()[:5] == ["done"] * 5


async def test_with_no_name_nothing_can_be_written(folder: Path) -> None:
    async with Sandbox(Policy(workdir=folder, writable=[])) as box:
        result = await box.run("open('outputs/a', 'w')")
    assert "Read-only file system" in result.output
    assert names(folder) == ["data.csv", "outputs"]


async def test_a_session_writes_there_too(folder: Path) -> None:
    policy = Policy(workdir=folder, writable=["outputs"])
    async with Sandbox(policy) as box, box.session() as session:
        assert (await session.run("open('outputs/a', 'w').close()")).exit_code == 0
        assert (await session.run("open('b', 'w').close()")).exit_code != 0


async def test_such_a_session_cannot_be_branched(folder: Path) -> None:
    async with Sandbox(Policy(workdir=folder, writable=[])) as box, box.session() as session:
        with pytest.raises(UsageError, match="writable"):
            await session.branch().start()
        assert (await session.run("1 + 1")).value == 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"writable": ["outputs"]}, "workdir"),
        ({"workdir": True, "writable": "outputs"}, "list of names"),
        ({"workdir": True, "writable": ["a/b"]}, "not the name"),
        ({"workdir": True, "writable": [".."]}, "not the name"),
        ({"workdir": True, "writable": ["missing"]}, "make it before"),
        ({"workdir": True, "writable": ["link"]}, "make it before"),
        ({"workdir": True, "writable": ["data.csv"]}, "make it before"),
    ],
)
def test_what_cannot_be_opened_so_is_refused(
    folder: Path, options: dict[str, Any], complaint: str
) -> None:
    (folder / "link").symlink_to("outputs")
    if "workdir" in options:
        options = {**options, "workdir": folder}
    with pytest.raises(PolicyError, match=complaint):
        Policy(**options)


async def test_the_profile_without_mounts_refuses_it(folder: Path) -> None:
    policy = Policy(workdir=folder, writable=["outputs"], profile="landlock")
    with pytest.raises(PolicyError, match="writable"):
        async with Sandbox(policy):
            pass

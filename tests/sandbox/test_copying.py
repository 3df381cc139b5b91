"""The files of a branch: copies of a tree that hostile code has made, and may still be changing."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from sandcrew.sandbox import Policy, Sandbox, UsageError
from sandcrew.sandbox.guest.copying import copy_tree


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    return source, target


def _copy(source: Path, target: Path) -> None:
    folder = os.open(source, os.O_RDONLY | os.O_DIRECTORY)
    before = _descriptors()
    try:
        copy_tree(folder, str(target))
    finally:
        assert _descriptors() == before
        os.close(folder)


def _descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


async def test_a_workspace_of_more_folders_than_descriptors_is_copied() -> None:
    make = "import os\nfor i in range(600): os.makedirs(f'd{i}/e')"
    async with Sandbox(Policy(timeout=20)) as box, box.session() as session:
        await session.run(make)
        async with session.branch() as branch:
            result = await branch.run("import os; sum(len(d) for _, d, _ in os.walk('.'))")
    assert result.value == 1200


def test_links_are_copied_and_not_followed(trees: tuple[Path, Path]) -> None:
    source, target = trees
    for name, to in (("out", "/etc/passwd"), ("up", ".."), ("loop", "loop")):
        (source / name).symlink_to(to)
    _copy(source, target)
    assert {p.name: str(p.readlink()) for p in target.iterdir()} == {
        "out": "/etc/passwd",
        "up": "..",
        "loop": "loop",
    }


def test_pipes_and_sockets_are_left_and_nothing_waits_for_them(trees: tuple[Path, Path]) -> None:
    source, target = trees
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(source / "sock"))
        (source / "file").write_text("text")
        _copy(source, target)
    assert [path.name for path in target.iterdir()] == ["file"]


def test_names_that_are_no_text_are_copied(trees: tuple[Path, Path]) -> None:
    source, target = trees
    names = {b"\xff\xfe", b"new\nline", b" ", b"-rf"}
    for name in names:
        (source / os.fsdecode(name)).write_text("x")
    _copy(source, target)
    assert {os.fsencode(path.name) for path in target.iterdir()} == names


def test_a_tree_deeper_than_a_path_is_long_is_refused(trees: tuple[Path, Path]) -> None:
    source, target = trees
    folder = os.open(source, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 100, dir_fd=folder)
        folder, above = os.open("d" * 100, os.O_RDONLY, dir_fd=folder), folder
        os.close(above)
    os.close(folder)
    with pytest.raises(OSError, match="File name too long"):
        _copy(source, target)


def test_more_files_than_are_copied_is_refused(
    trees: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandcrew.sandbox.guest import copying

    monkeypatch.setattr(copying, "_MOST", 5)
    source, target = trees
    for number in range(6):
        (source / str(number)).touch()
    with pytest.raises(OSError, match="more than 5 files"):
        _copy(source, target)


async def test_files_with_holes_that_do_not_fit_are_refused() -> None:
    make = "for i in range(5): open(str(i), 'w').truncate(8 << 20)"
    async with Sandbox(Policy(disk="16MiB", timeout=20)) as box, box.session() as session:
        assert (await session.run(make)).exit_code == 0
        with pytest.raises(UsageError, match="cannot be copied: No space left"):
            await session.branch().start()
        assert (await session.run("1")).value == 1


def test_a_tree_that_changes_meanwhile_leads_nowhere_else(trees: tuple[Path, Path]) -> None:
    """Folders and links to a secret change places all the time."""
    source, target = trees
    secret = source.parent / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    (source / "folder").mkdir()
    (source / "folder" / "key").write_text("public")
    stop = threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            (source / "folder").rename(source / "aside")
            (source / "folder").symlink_to(secret)
            (source / "folder").unlink()
            (source / "aside").rename(source / "folder")

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for number in range(300):
            copy = target / str(number)
            copy.mkdir()
            _copy(source, copy)
    finally:
        stop.set()
        thread.join()
    found = [p for p in target.rglob("key") if not any(up.is_symlink() for up in p.parents)]
    assert found, "there was something to copy"
    assert {path.read_text() for path in found} == {"public"}

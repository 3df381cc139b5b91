"""Files of a hostile folder are handled from outside without being led astray."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandcrew.sandbox import UsageError
from sandcrew.sandbox.workspace import MAX_ENTRIES, Workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    yield Workspace(fd)
    os.close(fd)


def test_a_file_is_written_with_its_folders_and_read_back(workspace: Workspace) -> None:
    workspace.write_file("a/b/c.bin", b"\0\xff")
    assert workspace.read_file("a/b/c.bin") == b"\0\xff"
    workspace.write_file("a/b/c.bin", b"x")
    assert workspace.read_file("a/b/c.bin") == b"x"


def test_only_created_and_changed_files_are_artifacts(workspace: Workspace, folder: Path) -> None:
    workspace.write_file("old.csv", b"1")
    workspace.write_file("same.csv", b"1")
    before = workspace.snapshot()
    workspace.write_file("old.csv", b"2")
    workspace.write_file("d/new.png", b"png")
    found = workspace.artifacts(before)
    assert [(a.path, a.size, a.mime_type) for a in found] == [
        ("d/new.png", 3, "image/png"),
        ("old.csv", 1, "text/csv"),
    ]


def test_a_change_that_hides_its_time_is_still_seen(workspace: Workspace, folder: Path) -> None:
    workspace.write_file("a", b"1")
    info = (folder / "a").stat()
    before = workspace.snapshot()
    (folder / "a").write_bytes(b"2")
    os.utime(folder / "a", ns=(info.st_atime_ns, info.st_mtime_ns))
    assert [artifact.path for artifact in workspace.artifacts(before)] == ["a"]


@pytest.mark.parametrize(
    "path",
    ["../secret", "/etc/passwd", "d/../../secret", "link", "out/secret", "", "a\0b", "fifo", "."],
)
def test_nothing_outside_and_nothing_odd_is_read(
    workspace: Workspace, folder: Path, path: str
) -> None:
    (folder / "d").mkdir()
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "out").symlink_to(folder.parent)
    os.mkfifo(folder / "fifo")
    with pytest.raises(UsageError):
        workspace.read_file(path)


@pytest.mark.parametrize("path", ["../new", "link", "out/new", "fifo", "out/d/new", "d"])
def test_nothing_outside_and_nothing_odd_is_written(
    workspace: Workspace, folder: Path, path: str
) -> None:
    (folder / "d").mkdir()
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "out").symlink_to(folder.parent)
    os.mkfifo(folder / "fifo")
    with pytest.raises((UsageError, OSError)):
        workspace.write_file(path, b"overwritten")
    assert (folder.parent / "secret").read_text() == "secret"
    assert not (folder.parent / "new").exists()


def test_links_fifos_sockets_and_folders_are_no_artifacts(
    workspace: Workspace, folder: Path
) -> None:
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / "sock"))
    assert workspace.list_files() == []


def test_a_missing_file_is_a_missing_file(workspace: Workspace) -> None:
    with pytest.raises(FileNotFoundError):
        workspace.read_file("nowhere/file")


def test_a_file_over_the_limit_is_not_read_whatever_its_size_claims(
    workspace: Workspace, folder: Path
) -> None:
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match="larger than"):
        workspace.read_file("sparse", limit=1000)


def test_a_huge_or_deep_or_unreadable_folder_ends_the_walk_early(
    workspace: Workspace, folder: Path
) -> None:
    deep = folder
    for _ in range(60):
        deep /= "d"
    deep.mkdir(parents=True)
    (folder / "wide").mkdir()
    for number in range(MAX_ENTRIES + 100):
        (folder / "wide" / str(number)).touch()
    assert len(workspace.list_files()) <= MAX_ENTRIES


def test_names_that_are_not_utf_8_are_passed_over(workspace: Workspace, folder: Path) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff"))).touch()
    (folder / "good ü\n").touch()
    assert [artifact.path for artifact in workspace.list_files()] == ["good ü\n"]

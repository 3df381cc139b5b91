"""Files of guests in a folder of the host: budgets, holes, links, and what stands in the way."""

from __future__ import annotations

import io
import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sandcrew.sandbox.errors import UsageError
from sandcrew.sandbox.intake import LeftOut
from sandcrew.sandbox.intake import files as module
from sandcrew.sandbox.intake.files import MAX_ENTRIES, REWRITES, KeptFiles
from sandcrew.sandbox.intake.folder import TargetFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "guest"
    folder.mkdir()
    return folder


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[KeptFiles]:
    with closing(TargetFolder(tmp_path / "run")) as folder:
        yield KeptFiles(folder, limit=4 * MIB)


def keep(kept: KeptFiles, path: Path, name: str | None = None) -> str | LeftOut:
    with path.open("rb", buffering=0) as file:
        return kept.keep(name or path.name, file)


def on_disk(folder: Path) -> int:
    inodes = {info.st_ino: info.st_blocks * 512 for info in map(os.lstat, folder.rglob("*"))}
    return sum(inodes.values())


def test_a_file_is_copied_and_cannot_be_executed(
    kept: KeptFiles, source: Path, tmp_path: Path
) -> None:
    (source / "run.sh").write_bytes(b"#!/bin/sh\n" * 50_000)
    (source / "run.sh").chmod(0o6777)
    assert keep(kept, source / "run.sh") == "files/run.sh"
    copy = tmp_path / "run" / "files" / "run.sh"
    assert copy.read_bytes() == (source / "run.sh").read_bytes()
    assert copy.stat().st_mode & 0o7133 == 0


def test_content_in_memory_is_kept_as_well(kept: KeptFiles, tmp_path: Path) -> None:
    assert kept.keep("a/b.bin", io.BytesIO(b"\0" * MIB + b"end")) == "files/a/b.bin"
    copy = tmp_path / "run" / "files" / "a" / "b.bin"
    assert copy.read_bytes() == b"\0" * MIB + b"end"
    assert copy.stat().st_blocks * 512 < MIB // 2, "zeros are holes"


def test_holes_stay_holes_and_the_rest_is_where_it_was(
    kept: KeptFiles, source: Path, tmp_path: Path
) -> None:
    with (source / "sparse").open("wb") as file:
        for place in (0, MIB + 7, 3 * MIB - 3):
            file.seek(place)
            file.write(b"abc")
    assert keep(kept, source / "sparse") == "files/sparse"
    assert (tmp_path / "run/files/sparse").read_bytes() == (source / "sparse").read_bytes()
    assert on_disk(tmp_path / "run") < MIB


def test_the_sizes_are_counted_too(kept: KeptFiles, source: Path, tmp_path: Path) -> None:
    for number in range(8):
        with (source / f"{number}").open("wb") as file:
            file.truncate(MIB)
    results = [keep(kept, source / f"{number}") for number in range(8)]
    assert [isinstance(result, LeftOut) for result in results] == [False] * 4 + [True] * 4
    assert "4,194,304 bytes" in str(results[-1])
    assert len(list((tmp_path / "run/files").iterdir())) == 4


def test_many_small_files_count_as_what_they_take(kept: KeptFiles, source: Path) -> None:
    kept.limit = 64 << 10
    (source / "small").write_bytes(b"x")
    results = [keep(kept, source / "small", str(number)) for number in range(40)]
    assert sum(not isinstance(result, LeftOut) for result in results) == 16


def test_hard_links_are_kept_as_one_file(kept: KeptFiles, source: Path, tmp_path: Path) -> None:
    (source / "a").write_bytes(os.urandom(3 * MIB))
    for name in ("b", "c", "d"):
        os.link(source / "a", source / name)
    assert [keep(kept, source / name) for name in "abcd"] == [f"files/{name}" for name in "abcd"]
    copies = [tmp_path / "run" / "files" / name for name in "abcd"]
    assert len({copy.stat().st_ino for copy in copies}) == 1
    assert on_disk(tmp_path / "run") < 4 * MIB
    assert copies[3].read_bytes() == (source / "a").read_bytes()


def test_a_file_that_lost_its_first_name_still_counts(
    kept: KeptFiles, source: Path, tmp_path: Path
) -> None:
    for turn in range(4):
        (source / "a").write_bytes(os.urandom(MIB))
        os.link(source / "a", source / f"old-{turn}")
        for name in ("a", f"old-{turn}"):
            keep(kept, source / name)
        (source / "a").unlink()
    (source / "a").write_bytes(os.urandom(MIB))
    assert isinstance(keep(kept, source / "a"), LeftOut)
    assert on_disk(tmp_path / "run") <= 4 * MIB + 16_384


def test_a_file_that_changes_takes_the_place_of_its_copy(
    kept: KeptFiles, source: Path, tmp_path: Path
) -> None:
    turn = 0
    for turn in range(REWRITES + 2):
        (source / "a").write_bytes(os.urandom(4 * MIB - 4096))
        result = keep(kept, source / "a")
        if isinstance(result, LeftOut):
            break
        assert (tmp_path / "run/files/a").read_bytes() == (source / "a").read_bytes()
        assert on_disk(tmp_path / "run") <= 4 * MIB + 16_384
    assert turn == REWRITES, "and what is written at all is bounded"
    assert "an earlier copy is kept" in str(kept.left_out["a"])


def test_the_number_of_files_and_folders_is_bounded(kept: KeptFiles, tmp_path: Path) -> None:
    for number in range(MAX_ENTRIES):
        kept.keep(f"{number}/b/c/f", io.BytesIO(b""))
    assert len(list((tmp_path / "run/files").rglob("*"))) <= MAX_ENTRIES + 20
    assert len(kept.left_out) + kept.more_left_out > 700


def test_what_is_left_out_is_counted_without_end_and_named_with_one(kept: KeptFiles) -> None:
    for number in range(3 * module.MAX_TOLD):
        kept.leave_out(str(number), LeftOut("it is gone"))
    account = kept.account()
    assert len(account) == module.MAX_TOLD + 1
    assert account[-1] == "left out: and 2,000 more files"


@pytest.mark.parametrize("paths", [["a", "a/b", "a/b/c"], ["a/b/c", "a/b", "a"]])
def test_a_file_and_a_folder_of_one_name_are_both_kept(
    kept: KeptFiles, tmp_path: Path, paths: list[str]
) -> None:
    for path in paths:
        assert isinstance(kept.keep(path, io.BytesIO(path.encode())), str)
    for path in paths:
        assert (tmp_path / "run" / kept.paths[path]).read_text() == path
    assert len(kept.account()) >= 1


@pytest.mark.parametrize("what", ["link", "dangling", "fifo", "folder"])
def test_what_stands_in_the_way_is_replaced_or_told_never_followed(
    kept: KeptFiles, tmp_path: Path, what: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder = tmp_path / "run" / "files"
    folder.mkdir(parents=True)
    place = folder / "a"
    if what == "folder":
        (place / "x").mkdir(parents=True)
    elif what == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to(victim if what == "link" else tmp_path / "new")
    result = kept.keep("a", io.BytesIO(b"guest's"))
    assert isinstance(result, LeftOut) == (what == "folder")
    assert victim.read_text() == "mine"
    assert not (tmp_path / "new").exists()
    assert [path.name for path in folder.iterdir()] == ["a"]


@pytest.mark.parametrize("place", ["files", "files/sub"])
def test_a_folder_that_is_a_link_is_not_entered(
    kept: KeptFiles, tmp_path: Path, place: str
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    link = tmp_path / "run" / place
    link.parent.mkdir(parents=True)
    link.symlink_to(victim)
    assert isinstance(kept.keep("sub/a", io.BytesIO(b"")), LeftOut)
    assert list(victim.iterdir()) == []


def test_links_on_the_way_to_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for path in ("link", "link/run", "link/a/b"):
        with pytest.raises(UsageError, match="link"):
            TargetFolder(tmp_path / path)
    with closing(TargetFolder(tmp_path / "real" / "a" / "b")) as folder:
        assert not (tmp_path / "real" / "a").exists(), "it is made when it is needed"
        folder.descriptor()
    assert (tmp_path / "real" / "a" / "b").is_dir()


def test_the_last_bytes_of_a_disk_are_left(
    kept: KeptFiles, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    disk = os.statvfs(tmp_path)
    monkeypatch.setattr(module, "SPARE", disk.f_bavail * disk.f_frsize + MIB)
    assert "disk" in str(kept.keep("a", io.BytesIO(b"x" * 10)))


def test_the_summary_is_short_whatever_was_kept(kept: KeptFiles) -> None:
    kept.keep("a.csv", io.BytesIO(b""))
    assert kept.summary() == ""
    kept.keep("conftest.py", io.BytesIO(b""))
    assert kept.summary() == "1 file is kept under another name: files/conftest.py.inert"
    for number in range(500):
        kept.keep(f".{number}", io.BytesIO(b""))
        kept.leave_out(f"{number}", LeftOut("it is gone"))
    assert kept.summary() == (
        "501 files are kept under another name: files/conftest.py.inert, …; 500 files are left out"
    )
